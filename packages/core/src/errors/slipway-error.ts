import { ERRORS, type ErrorCode } from './catalogue.ts';
import { systemRefusal } from './system-error.ts';

/** What an error carries besides its code and message. */
export interface ErrorContext {
  /** What the reader can do about it, one sentence. */
  readonly hint?: string;
  /** Facts for machines: paths, digests, `expected` and `actual` values. Never secrets. */
  readonly details?: Readonly<Record<string, string | number | boolean | null>>;
  /** Everything found wrong, one line each, where there is more to say than one line: always shown. */
  readonly findings?: readonly string[];
  /** The failure underneath. */
  readonly cause?: unknown;
}

/**
 * The one error of Slipway.
 *
 * The message says what could not be done and why: lower case, "cannot …", no full stop.
 */
export class SlipwayError extends Error {
  override readonly name: string = 'SlipwayError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, string | number | boolean | null>>;
  readonly findings: readonly string[];

  constructor(code: ErrorCode, message: string, context: ErrorContext = {}) {
    super(message, context.cause === undefined ? undefined : { cause: context.cause });
    this.code = code;
    this.hint = context.hint;
    this.details = context.details ?? {};
    this.findings = context.findings ?? [];
  }

  /** Exit code of the command line for this failure. */
  get exitCode(): number {
    return ERRORS[this.code].exitCode;
  }

  /** HTTP status for this failure. */
  get httpStatus(): number {
    return ERRORS[this.code].httpStatus;
  }
}

/** Whether something thrown is a {@link SlipwayError}, of one of the given codes where any are given. */
export function isSlipwayError(thrown: unknown, ...codes: readonly ErrorCode[]): thrown is SlipwayError {
  return thrown instanceof SlipwayError && (codes.length === 0 || codes.includes(thrown.code));
}

/** The message of anything thrown; of a refused system call in words: `permission denied (mkdir /srv/disks)`. */
export function messageOf(thrown: unknown): string {
  const refusal = systemRefusal(thrown);
  if (refusal !== undefined) {
    const { meaning, syscall, path } = refusal;
    return `${meaning} (${path === undefined ? syscall : `${syscall} ${path}`})`;
  }
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The `code` of a failed system call (`ENOENT`, `ENOSPC`, …), or undefined for anything else thrown. */
export function errnoOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string'
    ? thrown.code
    : undefined;
}
