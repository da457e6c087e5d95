import { setTimeout as delay } from 'node:timers/promises';
import { addon } from './addon.ts';

/** Many may hold `shared` together; `exclusive` is held alone. */
export type LockMode = 'shared' | 'exclusive';

/** Operations of flock(2). */
const OPERATION = { shared: 1, exclusive: 2, unlock: 8 } as const;

const FIRST_WAIT_MS = 5;
const LONGEST_WAIT_MS = 250;

/**
 * Takes an advisory lock on the open file, without waiting. It belongs to the open file description: closing it, or the
 * end of the process in any way, gives it back.
 *
 * @returns whether the lock is held now
 * @see flock(2)
 */
export function tryLockFile(fd: number, mode: LockMode): boolean {
  return addon().flock(fd, OPERATION[mode]);
}

/**
 * Takes an advisory lock, waiting for whoever holds it. The wait asks again at growing intervals instead of blocking in the
 * kernel: a thread blocked in flock(2) can neither be cancelled nor lets the process exit.
 *
 * @throws the reason of `signal` when it fires first
 */
export async function lockFile(
  fd: number,
  mode: LockMode,
  options: { readonly signal?: AbortSignal } = {},
): Promise<void> {
  options.signal?.throwIfAborted();
  for (let waitMs = FIRST_WAIT_MS; !tryLockFile(fd, mode); waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
    await delay(waitMs, undefined, { signal: options.signal });
  }
}

/** Gives a lock back before the file is closed. */
export function unlockFile(fd: number): void {
  addon().flock(fd, OPERATION.unlock);
}
