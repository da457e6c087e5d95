/**
 * GRUB's files on a boot partition, kept in step with the entries beside them.
 *
 * The directory `grub/` holds `grub.cfg` (never changed), `entries.cfg` (the menu), `entries.old.cfg` (the menu before) and `grubenv`
 * (attempts GRUB counted since). A partition without `grub/grub.cfg` has no GRUB, and nothing here does anything.
 */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '@slipway/core';
import { writeFileDurably } from '../durable-file.ts';
import type { OrderedEntry } from '../entry-order.ts';
import { formatGrubCounters, type GrubCounters, laterCounter, parseGrubCounters } from './environment.ts';
import { ENVIRONMENT_BYTES, GRUB_PATHS } from './format.ts';
import { grubMenu, isWholeMenu, menuEntryIds } from './menu.ts';

/** Larger files are no menu of ours. */
const MENU_MOST_BYTES = 4 * 1024 * 1024;

/** What GRUB knew before a refresh. */
export interface GrubRefresh {
  /** Bases of entries that were in its menu. */
  readonly known: ReadonlySet<string>;
}

/** Counters GRUB keeps; undefined where there is no GRUB, empty when its record is damaged. */
export async function readGrubCounters(esp: string): Promise<GrubCounters | undefined> {
  if ((await readBounded(join(esp, GRUB_PATHS.configuration), MENU_MOST_BYTES)) === undefined)
    return undefined;
  const block = await readBounded(join(esp, GRUB_PATHS.environment), ENVIRONMENT_BYTES);
  return (block === undefined ? undefined : parseGrubCounters(block)) ?? new Map();
}

/**
 * Writes the menu over these entries where it is another one, and then forgets what GRUB counted: names and menu say it now.
 *
 * A cut leaves the old menu or the new one. The file that is replaced was copied first: should the file system lose it, GRUB takes
 * the copy. Counters that are still there say the same as the menu.
 *
 * @param entries with the counters of {@link readGrubCounters} in their names
 * @returns undefined where there is no GRUB
 */
export async function writeGrubMenu(
  esp: string,
  entries: readonly OrderedEntry[],
): Promise<GrubRefresh | undefined> {
  const counters = await readGrubCounters(esp);
  if (counters === undefined) return undefined;
  const path = join(esp, GRUB_PATHS.menu);
  const old = (await readBounded(path, MENU_MOST_BYTES))?.toString('utf8') ?? '';
  const menu = grubMenu(entries);
  if (menu !== old) {
    if (isWholeMenu(old)) await writeFileDurably(join(esp, GRUB_PATHS.oldMenu), old);
    await writeFileDurably(path, menu);
  }
  await forgetGrubCounters(esp, counters);
  return { known: menuEntryIds(old) };
}

/** Forgets the attempts at one entry: another is about to have its name. */
export async function forgetGrubCounter(esp: string, base: string): Promise<void> {
  const counters = await readGrubCounters(esp);
  if (counters?.has(base) !== true) return;
  await writeEnvironment(esp, new Map([...counters].filter(([name]) => name !== base)));
}

/** A name with what GRUB counted since it was given. */
export function countedName({ name, entry }: OrderedEntry, counters: GrubCounters | undefined): OrderedEntry {
  if (name.counter === undefined || counters === undefined) return { name, entry };
  return { name: { ...name, counter: laterCounter(name.counter, counters.get(name.base)) }, entry };
}

async function forgetGrubCounters(esp: string, counters: GrubCounters): Promise<void> {
  const block = await readBounded(join(esp, GRUB_PATHS.environment), ENVIRONMENT_BYTES);
  const isSound = block !== undefined && parseGrubCounters(block) !== undefined;
  // GRUB writes into no block that is damaged or not there: attempts would not be counted.
  if (!isSound || counters.size > 0) await writeEnvironment(esp, new Map());
}

/** A cut leaves the old counters or the new ones. */
async function writeEnvironment(esp: string, counters: GrubCounters): Promise<void> {
  await writeFileDurably(join(esp, GRUB_PATHS.environment), formatGrubCounters(counters));
}

/** Undefined when it is not there; cut off past the limit and one byte. */
async function readBounded(path: string, limitBytes: number): Promise<Buffer | undefined> {
  try {
    const handle = await open(path, 'r');
    try {
      const { size } = await handle.stat();
      const buffer = Buffer.alloc(Math.min(size, limitBytes) + 1);
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT' || errnoOf(thrown) === 'ENOTDIR') return undefined;
    throw thrown;
  }
}
