/**
 * A mounted EFI system partition: where entries and kernels are, and how they are read.
 *
 * An `Esp` is only a path, so a directory serves in tests and while a disk is being made.
 */
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, messageOf } from '@slipway/core';
import { BOOT_ENTRY_MAX_BYTES, type BootEntry, parseBootEntry } from './entry.ts';
import { type EntryName, parseEntryName } from './entry-name.ts';
import { compareBootEntries } from './entry-order.ts';
import { countedName, readGrubCounters } from './grub/menu-files.ts';
import { SUM_LEADS, textSum } from './text-sum.ts';

/** Where the parts of an ESP are, from its root. */
export const ESP_PATHS = {
  entries: 'loader/entries',
  loaderConf: 'loader/loader.conf',
} as const;

/** An entry on an ESP. */
export interface EspEntry {
  readonly fileName: string;
  readonly name: EntryName;
  readonly entry: BootEntry;
  /** Slipway wrote it, and it is not as it was written. */
  readonly damaged?: true;
}

/** A file among the entries that is none; left alone, reported. */
export interface EspProblem {
  readonly fileName: string;
  readonly problem: string;
  /** Slipway wrote it, and it is not as it was written. */
  readonly damaged?: true;
}

/** What the boot loader would list. */
export interface EspEntries {
  /** As systemd-boot orders them: it starts the first. */
  readonly entries: readonly EspEntry[];
  readonly problems: readonly EspProblem[];
}

/** More files than this among the entries are not of a boot loader. */
const MAX_ENTRIES = 1024;

/**
 * Reads every entry of an ESP, in boot order; an ESP without entries has none.
 *
 * Attempts that GRUB counted are in the name of an entry, though not yet in that of its file.
 */
export async function readBootEntries(esp: string): Promise<EspEntries> {
  const directory = join(esp, ESP_PATHS.entries);
  const entries: EspEntry[] = [];
  const problems: EspProblem[] = [];
  const counters = await readGrubCounters(esp);
  for (const fileName of (await listDirectory(directory)).slice(0, MAX_ENTRIES)) {
    if (!fileName.toLowerCase().endsWith('.conf') || fileName.startsWith('.')) continue;
    const name = parseEntryName(fileName);
    if (name === undefined) {
      problems.push({ fileName, problem: 'its name is not the name of a boot entry' });
      continue;
    }
    const text = await readSmallFile(join(directory, fileName));
    // The boot loader and systemd-bless-boot rename entries while we look: one that is gone was not there.
    if (text === undefined) continue;
    const damaged = textSum(text, SUM_LEADS.bootEntry) === 'wrong' ? ({ damaged: true } as const) : {};
    try {
      const counted = countedName({ name, entry: parseBootEntry(text, fileName) }, counters);
      entries.push({ fileName, ...counted, ...damaged });
    } catch (thrown) {
      problems.push({ fileName, problem: messageOf(thrown), ...damaged });
    }
  }
  return { entries: entries.toSorted(compareBootEntries), problems };
}

/** The text of `loader/loader.conf`. */
export function loaderConf({ timeoutSeconds }: { readonly timeoutSeconds: number }): string {
  return `timeout ${timeoutSeconds}\n`;
}

/** Names in a directory, sorted; none when it does not exist. */
export async function listDirectory(path: string): Promise<readonly string[]> {
  try {
    return (await readdir(path)).toSorted();
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return [];
    throw thrown;
  }
}

async function readSmallFile(path: string): Promise<string | undefined> {
  try {
    const handle = await open(path, 'r');
    try {
      const buffer = Buffer.alloc(BOOT_ENTRY_MAX_BYTES + 1);
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
}
