import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { SlipwayError } from '@slipway/core';
import { type LockMode, tryLockFile } from '@slipway/linux';
import { ioError } from './io-error.ts';

/** How long to wait for whoever holds the lock. */
export interface LockOptions {
  readonly signal?: AbortSignal;
  /** 0 asks once. Default 60 seconds: longer than any garbage collection takes. */
  readonly waitMs?: number;
}

/** A lock held on a repository, given back by `using` or when the process ends in any way. */
export interface RepositoryLock extends AsyncDisposable, Disposable {
  readonly mode: LockMode;
}

const DEFAULT_WAIT_MS = 60_000;
const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 250;

/**
 * Locks a repository as composefs-rs and bootc do: flock(2) on the directory itself, so nothing is written and
 * nothing can be left behind by a power cut. Shared by everybody who adds or uses objects, exclusive for
 * garbage collection, which is what removes them.
 *
 * @throws SlipwayError REPOSITORY_LOCKED, naming who holds it, when the wait is over
 */
export async function lockRepository(
  path: string,
  mode: LockMode,
  options: LockOptions = {},
): Promise<RepositoryLock> {
  const fd = openDirectory(path);
  try {
    await acquire(fd, path, mode, options);
  } catch (cause) {
    closeSync(fd);
    throw cause;
  }
  return heldLock(fd, mode);
}

function openDirectory(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (cause) {
    throw ioError('lock the object store', path, cause);
  }
}

function heldLock(fd: number, mode: LockMode): RepositoryLock {
  let held = true;
  const release = (): void => {
    // Closed once only: the number may soon belong to another file.
    if (held) closeSync(fd);
    held = false;
  };
  return {
    mode,
    [Symbol.dispose]: release,
    async [Symbol.asyncDispose]() {
      release();
    },
  };
}

async function acquire(fd: number, path: string, mode: LockMode, options: LockOptions): Promise<void> {
  const waitMs = options.waitMs ?? DEFAULT_WAIT_MS;
  let waitedMs = 0;
  for (
    let pauseMs = FIRST_PAUSE_MS;
    !tryLockFile(fd, mode);
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
  ) {
    if (waitedMs >= waitMs) throw locked(fd, path, mode);
    const stepMs = Math.min(pauseMs, waitMs - waitedMs);
    await pause(stepMs, options.signal);
    waitedMs += stepMs;
  }
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
  } catch (cause) {
    throw new SlipwayError('ABORTED', 'cannot lock the object store: cancelled', { cause });
  }
}

function locked(fd: number, path: string, mode: LockMode): SlipwayError {
  const holder = holderOf(fd);
  const who = holder === undefined ? 'another process' : `process ${holder.pid} (${holder.command})`;
  return new SlipwayError('REPOSITORY_LOCKED', `cannot lock the object store ${path}: ${who} holds it`, {
    hint: mode === 'exclusive' ? 'wait until it is done' : 'wait until garbage collection is done',
    details: { path, mode, holderPid: holder?.pid ?? null, holderCommand: holder?.command ?? null },
  });
}

/** Who holds a lock on the open file, from /proc/locks: never stale, unlike a name written into a file. */
function holderOf(fd: number): { readonly pid: number; readonly command: string } | undefined {
  try {
    const inode = fstatSync(fd).ino;
    const pid = lockHolder(readFileSync('/proc/locks', 'latin1'), inode);
    if (pid === undefined) return undefined;
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim().slice(0, 200);
    return { pid, command };
  } catch {
    // Without /proc, or when the holder has just gone, there is no name to tell; the lock was refused all the same.
    return undefined;
  }
}

/**
 * The process that holds a flock on this inode, by a text in the form of /proc/locks. The device is not compared: btrfs and
 * overlayfs show another there than stat(2) does.
 */
export function lockHolder(locks: string, inode: number): number | undefined {
  for (const line of locks.split('\n')) {
    const fields = line.split(/\s+/);
    if (fields[1] !== 'FLOCK') continue;
    const pid = Number(fields[4]);
    if (fields[5]?.split(':')[2] === String(inode) && pid > 0) return pid;
  }
  return undefined;
}
