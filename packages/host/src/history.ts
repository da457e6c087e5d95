/**
 * The history of a host, `state/history.jsonl`: one JSON object on each line, appended and synced, never rewritten. A power
 * cut can leave at most its last line torn; readers pass over it and the next writer starts on a new line. Each line ends with a sum,
 * and readers pass over one that does not fit; lines of older versions have none.
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { type Clock, errnoOf, isoTime } from '@slipway/core';
import { jsonSum, withJsonSum } from './json-sum.ts';

/** What happened. */
export type HistoryEvent =
  /** A disk was written with its first deployment. */
  | 'installed'
  | 'staged'
  | 'unstaged'
  /** The host follows another image from now on, which is the one it runs already. */
  | 'retargeted'
  | 'finalized'
  /** Power was cut, or it failed, while an update was finished at shutdown. */
  | 'finalize-interrupted'
  /** A command was killed, or the machine went down, while it changed the host; `reason` says which. */
  | 'interrupted'
  | 'booted'
  /** A program gave the host other kernel arguments; `reason` says which. */
  | 'kernel-arguments-set'
  /** The host did not come up with other kernel arguments, and goes on with those before. */
  | 'kernel-arguments-dropped'
  | 'rollback-queued'
  | 'rollback-cancelled'
  /** The boot loader gave up on a deployment after its attempts. */
  | 'rolled-back-by-boot-loader'
  /** A boot was not good: a check, a unit or its time limit; `reason` says which. */
  | 'health-failed'
  /** Another deployment than the next one was chosen, in the boot menu for example. */
  | 'booted-unexpected'
  | 'removed'
  | 'pinned'
  | 'unpinned'
  /** An image whose deployment did not come up is not to be staged again. */
  | 'denied'
  | 'allowed'
  | 'repaired'
  /** The host was taken over from bootc; `reason` says with which entries. */
  | 'adopted'
  /** The host is bootc's again. */
  | 'given-back'
  /** The host begins anew; `reason` says where the state is that was left. */
  | 'reset'
  /** An app was installed, updated or reverted and works; `reason` names it. */
  | 'app-changed'
  /** A change of an app was undone because it did not work. */
  | 'app-taken-back'
  | 'app-removed'
  /** The next boot is to bring `/etc` back to the image's, and empty `/var`. */
  | 'factory-reset-queued'
  | 'factory-reset-cancelled'
  | 'factory-reset'
  | 'factory-reset-failed'
  | 'failed';

/** What to record. */
export interface HistoryEntry {
  readonly event: HistoryEvent;
  /** The deployment it is about. */
  readonly deployment?: string | undefined;
  readonly image?: string | undefined;
  readonly version?: string | undefined;
  readonly manifestDigest?: string | undefined;
  /** One sentence for people: why, or what went wrong. */
  readonly reason?: string | undefined;
  /** Error code, for `failed` and `finalize-interrupted`. */
  readonly code?: string | undefined;
  /** The kernel's id of the boot it happened in. */
  readonly boot?: string | undefined;
}

/** A line as read back; `event` may be one of a newer version. */
export interface HistoryRecord extends Omit<HistoryEntry, 'event'> {
  /** ISO time, UTC. */
  readonly time: string;
  readonly event: string;
}

/** How much of the end of the file is read. */
const TAIL_BYTES = 256 * 1024;
const FIELDS = ['deployment', 'image', 'version', 'manifestDigest', 'reason', 'code', 'boot'] as const;

/** One line, newline included: for whoever writes the first lines of a disk. */
export function historyLine(entry: HistoryEntry, clock: Clock): string {
  return `${withJsonSum(JSON.stringify({ time: isoTime(clock), ...entry }))}\n`;
}

/** Appends a line and syncs it. A cut leaves it whole, torn or missing; what it reports has happened all the same. */
export async function appendHistory(path: string, entry: HistoryEntry, clock: Clock): Promise<void> {
  const flags = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT;
  const handle = await open(path, flags, 0o644);
  try {
    const { size } = await handle.stat();
    const last = Buffer.alloc(1);
    if (size > 0) await handle.read(last, 0, 1, size - 1);
    const torn = size > 0 && last.toString('latin1') !== '\n';
    await handle.writeFile(`${torn ? '\n' : ''}${historyLine(entry, clock)}`);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The last records, oldest first; lines that are none are passed over. */
export async function readHistory(path: string, limit = 50): Promise<readonly HistoryRecord[]> {
  const text = await readTail(path);
  const records = text
    .split('\n')
    .map(parseHistoryLine)
    .filter((record) => record !== undefined);
  return records.slice(-limit);
}

/**
 * Those of one boot, by the kernel's id of it; boots without a record do not count.
 *
 * @param ago 0 is the present boot, 1 the one before
 */
export function recordsOfBoot(
  records: readonly HistoryRecord[],
  presentBoot: string,
  ago: number,
): readonly HistoryRecord[] {
  const boots = records.flatMap(({ boot }) => (boot === undefined || boot === presentBoot ? [] : [boot]));
  const wanted = ago === 0 ? presentBoot : [...new Set(boots)].at(-ago);
  return wanted === undefined ? [] : records.filter(({ boot }) => boot === wanted);
}

/** A record from its line; undefined for what is none, or not any more what was written. */
export function parseHistoryLine(line: string): HistoryRecord | undefined {
  if (jsonSum(line) === 'wrong') return undefined;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const source = value as Readonly<Record<string, unknown>>;
  const { time, event } = source;
  if (typeof time !== 'string' || typeof event !== 'string') return undefined;
  const pairs = FIELDS.map((field) => [field, source[field]] as const);
  return { time, event, ...Object.fromEntries(pairs.filter(([, text]) => typeof text === 'string')) };
}

async function readTail(path: string): Promise<string> {
  try {
    const handle = await open(path, 'r');
    try {
      const { size } = await handle.stat();
      const start = Math.max(0, size - TAIL_BYTES);
      const buffer = Buffer.alloc(size - start);
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, start);
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return '';
    throw thrown;
  }
}
