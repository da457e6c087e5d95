import type { ReactNode } from 'react';

const UNITS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
];
const RELATIVE = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const ABSOLUTE = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });

/** A point in time as people say it; the exact one shows when pointed at, and to machines. */
export function Moment({
  at,
  never = 'never',
}: {
  readonly at: string | null | undefined;
  readonly never?: string;
}): ReactNode {
  if (at === null || at === undefined) return never;
  const time = new Date(at);
  return (
    <time dateTime={at} title={ABSOLUTE.format(time)}>
      {relative(time.getTime() - Date.now())}
    </time>
  );
}

/** A point in time in full, for logs. */
export function ExactMoment({ at }: { readonly at: string }): ReactNode {
  return <time dateTime={at}>{ABSOLUTE.format(new Date(at))}</time>;
}

function relative(distanceMs: number): string {
  for (const [unit, unitMs] of UNITS) {
    if (Math.abs(distanceMs) >= unitMs) return RELATIVE.format(Math.round(distanceMs / unitMs), unit);
  }
  return RELATIVE.format(Math.round(distanceMs / 1000), 'second');
}
