/** Keeps GRUB's menu in step with the entries of a boot partition. */
import { join } from 'node:path';
import { renameFileDurably } from '../durable-file.ts';
import { formatEntryName, parseEntryName } from '../entry-name.ts';
import type { OrderedEntry } from '../entry-order.ts';
import { ESP_PATHS, type EspEntry, readBootEntries } from '../esp.ts';
import { formatGrubCounters } from './environment.ts';
import { GRUB_PATHS } from './format.ts';
import { grubConfiguration, grubMenu } from './menu.ts';
import { type GrubRefresh, readGrubCounters, writeGrubMenu } from './menu-files.ts';

/**
 * Makes names of entries say what GRUB counted, then the menu what the entries say. Does nothing where there is no GRUB, and writes
 * nothing where all is as it should be.
 *
 * A cut between the two leaves counters GRUB still has beside names that say the same.
 */
export async function refreshGrubMenu(esp: string): Promise<GrubRefresh | undefined> {
  if ((await readGrubCounters(esp)) === undefined) return undefined;
  const { entries } = await readBootEntries(esp);
  for (const entry of entries) await nameAsCounted(esp, entry);
  return writeGrubMenu(esp, entries);
}

/** GRUB's files for a new boot partition, by their paths. */
export function grubFiles(
  entries: readonly OrderedEntry[],
  options: { readonly timeoutSeconds: number },
): ReadonlyMap<string, Buffer> {
  return new Map([
    [GRUB_PATHS.configuration, Buffer.from(grubConfiguration(options))],
    [GRUB_PATHS.menu, Buffer.from(grubMenu(entries))],
    [GRUB_PATHS.environment, formatGrubCounters(new Map())],
  ]);
}

async function nameAsCounted(esp: string, { fileName, name }: EspEntry): Promise<void> {
  const written = parseEntryName(fileName)?.counter;
  if (written?.triesLeft === name.counter?.triesLeft && written?.triesDone === name.counter?.triesDone)
    return;
  const directory = join(esp, ESP_PATHS.entries);
  await renameFileDurably(join(directory, fileName), join(directory, formatEntryName(name)));
}
