/** What GRUB tells the system it starts, on the kernel command line. */
import { type EntryName, parseEntryName } from '../entry-name.ts';
import { canonicalKey, type KernelCommandLine } from '../kernel-command-line.ts';
import { GRUB_ARGUMENTS } from './menu.ts';

const OWN_KEYS: readonly string[] = Object.values(GRUB_ARGUMENTS).map(canonicalKey);

const STARTED = new RegExp(`(?:^|\\s)${GRUB_ARGUMENTS.entry.replace('.', '\\.')}=(?<fileName>\\S+)`);

/**
 * The entry GRUB started, counted; undefined when it was not GRUB with a menu of ours.
 *
 * @param commandLine of the running kernel, as it is: one that does not parse says it all the same
 */
export function grubStartedEntry(commandLine: string): EntryName | undefined {
  const fileName = STARTED.exec(commandLine)?.groups?.['fileName'];
  return fileName === undefined ? undefined : parseEntryName(fileName);
}

/** Without what GRUB adds: nobody wants it kept. */
export function withoutGrubArguments(line: KernelCommandLine): KernelCommandLine {
  return line.filter(({ key }) => !OWN_KEYS.includes(key));
}
