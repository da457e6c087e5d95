/** Why a request is refused, as the specification words it (distribution-spec, "Error Codes"); `UNKNOWN` is ours to blame. */
export type FailureCode =
  | 'BLOB_UNKNOWN'
  | 'BLOB_UPLOAD_INVALID'
  | 'BLOB_UPLOAD_UNKNOWN'
  | 'DENIED'
  | 'DIGEST_INVALID'
  | 'MANIFEST_BLOB_UNKNOWN'
  | 'MANIFEST_INVALID'
  | 'MANIFEST_UNKNOWN'
  | 'NAME_INVALID'
  | 'NAME_UNKNOWN'
  | 'SIZE_INVALID'
  | 'TOOMANYREQUESTS'
  | 'UNAUTHORIZED'
  | 'UNKNOWN'
  | 'UNSUPPORTED';

const STATUS: Readonly<Record<FailureCode, number>> = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DENIED: 403,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 404,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  SIZE_INVALID: 400,
  TOOMANYREQUESTS: 429,
  UNAUTHORIZED: 401,
  UNKNOWN: 500,
  UNSUPPORTED: 405,
};

/** What the answer carries besides code and message. */
export interface FailureContext {
  /** Default: the one of the code. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly detail?: Readonly<Record<string, string | number>>;
  readonly cause?: unknown;
}

/** A request that is refused. Clients see it as one error of the specification; it never leaves the server as an exception. */
export class RegistryFailure extends Error {
  override readonly name: string = 'RegistryFailure';
  readonly code: FailureCode;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly detail: Readonly<Record<string, string | number>> | undefined;

  constructor(code: FailureCode, message: string, context: FailureContext = {}) {
    super(message, context.cause === undefined ? undefined : { cause: context.cause });
    this.code = code;
    this.status = context.status ?? STATUS[code];
    this.headers = context.headers ?? {};
    this.detail = context.detail;
  }
}

/** The body of the answer. */
export function failureBody({ code, message, detail }: RegistryFailure): string {
  return JSON.stringify({ errors: [{ code, message, ...(detail === undefined ? {} : { detail }) }] });
}
