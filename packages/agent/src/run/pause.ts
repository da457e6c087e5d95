import { setTimeout as sleep } from 'node:timers/promises';

/** Waits so long, or until the signal: then it throws the reason. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(Math.max(0, ms), undefined, { signal });
}
