/**
 * Writing and removing boot entries on a mounted ESP.
 *
 * Where GRUB is on it, its menu follows each change. A cut between the two leaves the menu as it was, which starts the old
 * deployments, until the next change or the next boot.
 */
import { join } from 'node:path';
import {
  makeDirectoryDurably,
  removeFileDurably,
  renameFileDurably,
  writeFileDurably,
} from './durable-file.ts';
import { type BootEntry, formatBootEntry } from './entry.ts';
import { parseEntryName } from './entry-name.ts';
import { ESP_PATHS, loaderConf } from './esp.ts';
import { forgetGrubCounter } from './grub/menu-files.ts';
import { refreshGrubMenu } from './grub/refresh.ts';
import { SUM_LEADS, withTextSum } from './text-sum.ts';

/**
 * The file of an entry: its lines, and one that tells whether they are still as they were written.
 *
 * @throws SlipwayError BOOT_ENTRY_INVALID when a key or value cannot stand on one line
 */
export function bootEntryText(entry: BootEntry): string {
  return withTextSum(formatBootEntry(entry), SUM_LEADS.bootEntry);
}

/**
 * Puts an entry among those the boot loader lists: the step that makes a deployment the one that boots.
 *
 * A cut leaves no such entry, or the whole one.
 *
 * @param fileName as `slipwayEntryName` makes it; an entry of that name is replaced
 */
export async function writeBootEntry(esp: string, fileName: string, entry: BootEntry): Promise<void> {
  const text = bootEntryText(entry);
  const directory = join(esp, ESP_PATHS.entries);
  const path = join(directory, fileName);
  await makeDirectoryDurably(directory);
  await forgetGrubCounter(esp, parseEntryName(fileName)?.base ?? '');
  await writeFileDurably(path, text);
  try {
    await refreshGrubMenu(esp);
  } catch (thrown) {
    // A full partition: one boot loader must not start what the other does not know.
    await removeFileDurably(path);
    throw thrown;
  }
}

/**
 * Gives an entry another name, its counter another value: what systemd-boot and systemd-bless-boot do. A cut leaves either name, or both with
 * the same text.
 */
export async function renameBootEntry(esp: string, from: string, to: string): Promise<void> {
  const directory = join(esp, ESP_PATHS.entries);
  await renameFileDurably(join(directory, from), join(directory, to));
  await refreshGrubMenu(esp);
}

/** Takes an entry away; its kernel stays. A cut leaves it there or gone. */
export async function removeBootEntry(esp: string, fileName: string): Promise<void> {
  await removeFileDurably(join(esp, ESP_PATHS.entries, fileName));
  await refreshGrubMenu(esp);
}

/** Writes `loader/loader.conf`. A cut leaves the old one or the new one. */
export async function writeLoaderConf(
  esp: string,
  options: { readonly timeoutSeconds: number },
): Promise<void> {
  const path = join(esp, ESP_PATHS.loaderConf);
  await makeDirectoryDurably(join(esp, 'loader'));
  await writeFileDurably(path, loaderConf(options));
}
