import { setTimeout as sleep } from 'node:timers/promises';
import { type ByteStream, type Clock, type OperationOptions, systemClock } from '@slipway/core';

/** How often and how slowly to try again. */
export interface RetryPolicy {
  /** Tries in all, the first one included. */
  readonly attempts: number;
  /** Waited after the first failure; doubled after each. */
  readonly baseMs: number;
  /** Longest wait of our own choosing. */
  readonly maxMs: number;
  /** Longest wait a server may ask for by `Retry-After`; if it asks for more we give up at once. */
  readonly maxRetryAfterMs: number;
  /** Waits; throws when the signal fires. */
  readonly wait: (waitMs: number, signal: AbortSignal | undefined) => Promise<void>;
  /** What `Retry-After` with a date, and the life of tokens, are measured by. */
  readonly clock: Clock;
}

export const DEFAULT_RETRY: RetryPolicy = {
  attempts: 6,
  baseMs: 300,
  maxMs: 10_000,
  maxRetryAfterMs: 120_000,
  wait: async (waitMs, signal) => {
    await sleep(waitMs, undefined, signal === undefined ? {} : { signal });
  },
  clock: systemClock,
};

/** A failure that may pass; `error` is what is thrown when it does not. */
export class Transient extends Error {
  override readonly name: string = 'Transient';
  readonly error: Error;
  /** What the server asked for. */
  readonly retryAfterMs: number | undefined;
  /** Not worth more tries than this, whatever the policy allows. */
  readonly attempts: number;

  constructor(error: Error, limits: { readonly retryAfterMs?: number; readonly attempts?: number } = {}) {
    super(error.message);
    this.error = error;
    this.retryAfterMs = limits.retryAfterMs;
    this.attempts = limits.attempts ?? Number.POSITIVE_INFINITY;
  }
}

/** Does something until it works, fails for good, or has failed often enough. */
export async function withRetries<T>(
  policy: RetryPolicy,
  options: OperationOptions,
  attempt: () => Promise<T>,
): Promise<T> {
  for (let failures = 0; ; ) {
    options.signal?.throwIfAborted();
    try {
      return await attempt();
    } catch (thrown) {
      if (!(thrown instanceof Transient)) throw thrown;
      failures += 1;
      await waitBeforeRetry(policy, options, failures, thrown);
    }
  }
}

/**
 * Bytes that are taken up again where they broke off; what counts as failing is failing without any byte in between.
 *
 * @param rest what comes after so many bytes; undefined: that was all
 */
export async function* resumed(
  policy: RetryPolicy,
  options: OperationOptions,
  rest: (doneBytes: number) => ByteStream | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  let doneBytes = 0;
  let failures = 0;
  for (let stream = rest(0); stream !== undefined; stream = rest(doneBytes)) {
    options.signal?.throwIfAborted();
    try {
      for await (const chunk of stream) {
        doneBytes += chunk.length;
        failures = 0;
        yield chunk;
      }
    } catch (thrown) {
      if (!(thrown instanceof Transient)) throw thrown;
      failures += 1;
      await waitBeforeRetry(policy, options, failures, thrown);
    }
  }
}

/** Waits after the n-th failure in a row; throws its error when that was one too many. */
export async function waitBeforeRetry(
  policy: RetryPolicy,
  options: OperationOptions,
  failures: number,
  { error, retryAfterMs, attempts }: Transient,
): Promise<void> {
  if (failures >= Math.min(policy.attempts, attempts) || (retryAfterMs ?? 0) > policy.maxRetryAfterMs)
    throw error;
  const backOffMs = Math.min(policy.maxMs, policy.baseMs * 2 ** (failures - 1));
  // Hosts that failed together must not come back together: between half and all of the wait.
  const waitMs = Math.max(retryAfterMs ?? 0, backOffMs * (0.5 + Math.random() / 2));
  options.log?.warn('trying again', { reason: error.message, failures, waitMs: Math.round(waitMs) });
  await policy.wait(waitMs, options.signal);
}

/** `Retry-After` in milliseconds: seconds or a date (RFC 9110, section 10.2.3); undefined when it says nothing. */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  if (/^\s*[0-9]{1,9}\s*$/.test(value)) return Number(value) * 1000;
  // Date.parse takes nearly anything for a date; HTTP has one form.
  const atMs = /^[A-Z][a-z]{2}, .* GMT$/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}
