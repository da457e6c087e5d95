/** An answer of a protocol, before anything is sent. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The errors of FleetLock and Cincinnati. `kind` becomes the label of a metric: a small, fixed set. */
export function refusal(status: number, kind: string, value: string): HttpAnswer {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ kind, value }) };
}
