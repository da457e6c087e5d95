import type { ErrorCode } from '../errors/catalogue.ts';
import { type ErrorContext, isSlipwayError, messageOf, SlipwayError } from '../errors/slipway-error.ts';

/** Something thrown, in values that can be sent. */
export interface ThrownInThread {
  readonly code: ErrorCode | undefined;
  readonly message: string;
  readonly stack: string | undefined;
  readonly hint: string | undefined;
  readonly details: NonNullable<ErrorContext['details']>;
}

/** Packs what was thrown; a cause is not kept but in the stack. */
export function packThrown(thrown: unknown): ThrownInThread {
  const stack = thrown instanceof Error ? thrown.stack : undefined;
  if (!isSlipwayError(thrown))
    return { code: undefined, message: messageOf(thrown), stack, hint: undefined, details: {} };
  const { code, message, hint, details } = thrown;
  return { code, message, stack, hint, details };
}

/** The error again, as if it had been thrown here. */
export function unpackThrown({ code, message, stack, hint, details }: ThrownInThread): Error {
  const error =
    code === undefined
      ? new Error(message)
      : new SlipwayError(code, message, { details, ...(hint === undefined ? {} : { hint }) });
  if (stack !== undefined) error.stack = stack;
  return error;
}
