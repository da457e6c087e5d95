import { setTimeout as delay } from 'node:timers/promises';
import { isSlipwayError } from '@slipway/core';
import { hasSshBanner } from './ssh.ts';

/** How to find out whether a guest can be reached. */
export interface ReachOptions {
  /** Loopback port that leads to the guest's ssh server. */
  readonly port: number;
  /** Logs in and asks which boot it is. */
  readonly bootId: (signal: AbortSignal) => Promise<string>;
  /** A boot that does not count any more. */
  readonly previous: string | undefined;
  readonly signal: AbortSignal;
  /** A signal that fires at the machine's next reset: what was asked before will not be answered. */
  readonly nextReset: () => AbortSignal;
  /** Hears why a login did not succeed. */
  readonly onRefusal: (reason: string) => void;
}

const BETWEEN_ATTEMPTS_MS = 500;
const LOGIN_TIMEOUT_MS = 30_000;
/**
 * A connection made before the guest's network was up is not answered for a long time, if ever: it is better made again.
 * But a server on a busy translated guest may itself take seconds, so every third attempt is patient.
 */
const BANNER_TIMEOUTS_MS = [2000, 2000, 10_000] as const;

/**
 * Asks until a boot other than the previous one answers, and gives its id. Ends only so, or with the signal.
 */
export async function reachBoot(options: ReachOptions): Promise<string> {
  const { port, previous, signal, nextReset } = options;
  // The banner is the cheap question; once it came, logins ask, since a server counts who leaves without one.
  let hasServer = previous !== undefined;
  for (let attempt = 0; ; attempt += 1) {
    const timeoutMs = BANNER_TIMEOUTS_MS[attempt % BANNER_TIMEOUTS_MS.length] ?? BANNER_TIMEOUTS_MS[0];
    hasServer ||= await hasSshBanner(port, timeoutMs, AbortSignal.any([signal, nextReset()]));
    if (hasServer) {
      const bootId = await tryBootId(options);
      if (bootId !== undefined && bootId !== previous) return bootId;
      hasServer = bootId !== undefined;
    }
    await delay(BETWEEN_ATTEMPTS_MS, undefined, { signal });
  }
}

async function tryBootId(options: ReachOptions): Promise<string | undefined> {
  const { signal, nextReset, bootId, onRefusal } = options;
  try {
    return await bootId(AbortSignal.any([signal, nextReset(), AbortSignal.timeout(LOGIN_TIMEOUT_MS)]));
  } catch (cause) {
    signal.throwIfAborted();
    if (!isSlipwayError(cause, 'VM_UNREACHABLE', 'ABORTED')) throw cause;
    onRefusal(cause.message);
    return undefined;
  }
}
