/** One transaction on a host at a time. */
import { open } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { type Clock, errnoOf, isoTime, SlipwayError } from '@slipway/core';
import { tryLockFile } from '@slipway/linux';
import { parseJsonRecord } from './json-record.ts';

/** Who holds the lock. */
export interface LockHolder {
  /** What it does, as a user would type it: `slipway upgrade`. */
  readonly command: string;
  readonly pid: number;
  /** ISO time, UTC. */
  readonly since: string;
}

/** The lock while it is held. */
export interface HostLock extends AsyncDisposable {
  /** Whoever held it before and never gave it back: that was killed, or the machine went down. */
  readonly leftBy: LockHolder | undefined;
}

const PAUSE_MS = 25;
/** How long a lock may be held without a name before somebody else gives up. */
const NAMELESS_MS = 500;
const MAX_HOLDER_BYTES = 4096;

/**
 * Takes the lock of a host. The kernel gives it back when the process ends in any way; what the file says about the holder is for
 * people, and true while the lock is held. In a file nobody locks it is the trace of a change that did not come to its end: the name
 * is on the disk before anything is changed, and gone from it before the lock is given back.
 *
 * @param command what the holder does, for whoever finds it locked
 * @param waitMs how long to wait for another holder; 0 asks once
 * @throws SlipwayError HOST_LOCKED, naming the holder
 */
export async function lockHost(
  path: string,
  command: string,
  { clock, waitMs = 0 }: { readonly clock: Clock; readonly waitMs?: number },
): Promise<HostLock> {
  const handle = await open(path, 'a+', 0o644);
  let leftBy: LockHolder | undefined;
  try {
    for (let waitedMs = 0; !tryLockFile(handle.fd, 'exclusive'); waitedMs += PAUSE_MS) {
      const holder = await readHolder(handle);
      // The holder writes who it is right after it got the lock, and empties the file right before it gives it back.
      const patienceMs = holder === undefined ? Math.max(waitMs, NAMELESS_MS) : waitMs;
      if (waitedMs >= patienceMs) throw locked(holder, command);
      await delay(PAUSE_MS);
    }
    leftBy = await readHolder(handle);
    await writeHolder(handle, { command, pid: process.pid, since: isoTime(clock) });
  } catch (thrown) {
    await handle.close();
    throw thrown;
  }
  return {
    leftBy,
    async [Symbol.asyncDispose]() {
      // Who held it must not be taken for the next holder, nor for one that was cut short.
      await handle.truncate(0);
      await handle.datasync();
      await handle.close();
    },
  };
}

type Handle = Awaited<ReturnType<typeof open>>;

/** On a full disk the lock is held all the same; only its holder has no name then. */
async function writeHolder(handle: Handle, holder: LockHolder): Promise<void> {
  try {
    await handle.truncate(0);
    await handle.writeFile(`${JSON.stringify(holder)}\n`);
    await handle.datasync();
  } catch (thrown) {
    if (errnoOf(thrown) !== 'ENOSPC' && errnoOf(thrown) !== 'EDQUOT') throw thrown;
  }
}

function locked(holder: LockHolder | undefined, command: string): SlipwayError {
  const who =
    holder === undefined
      ? 'another process'
      : `${holder.command} (process ${holder.pid}, since ${holder.since})`;
  return new SlipwayError('HOST_LOCKED', `cannot run ${command}: ${who} is changing this host`, {
    hint: 'wait for it to finish',
    details: { pid: holder?.pid ?? null, command: holder?.command ?? null },
  });
}

async function readHolder(handle: Handle): Promise<LockHolder | undefined> {
  const buffer = Buffer.alloc(MAX_HOLDER_BYTES);
  const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
  const record = parseJsonRecord(buffer.toString('utf8', 0, bytesRead));
  const { command, pid, since } = record ?? {};
  if (typeof command !== 'string' || typeof pid !== 'number' || typeof since !== 'string') return undefined;
  return { command, pid, since };
}
