/** Calling a boot good where GRUB counts: what systemd-bless-boot does where systemd-boot does. */
import { renameBootEntry } from '../entry-files.ts';
import { formatEntryName } from '../entry-name.ts';
import { readBootEntries } from '../esp.ts';

/**
 * Ends the counting of an entry: it is good from now on. One that is gone, or not counted any more, is left alone.
 *
 * A cut leaves the counter, or takes it off.
 *
 * @param base of the entry's name, as {@link grubStartedEntry} says it
 * @returns whether it was counted
 */
export async function blessGrubEntry(esp: string, base: string): Promise<boolean> {
  const { entries } = await readBootEntries(esp);
  const counted = entries.filter(({ name }) => name.base === base && name.counter !== undefined);
  for (const { fileName } of counted) {
    await renameBootEntry(esp, fileName, formatEntryName({ base, counter: undefined }));
  }
  return counted.length > 0;
}
