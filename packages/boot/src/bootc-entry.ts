/**
 * Boot entries as bootc's composefs backend writes them: `bootc_<os>-<version>-<1|0>.conf`, of which GRUB takes the highest, and
 * `sort-key bootc-<os>-<0|1>`, of which systemd-boot takes the lowest. It keeps two: the one that boots, and the one to go back to.
 */
import { type BootEntry, type BootEntryField, bootEntryValue } from './entry.ts';
import { type EntryName, parseEntryName } from './entry-name.ts';
import { kernelPaths } from './kernel-directory.ts';

/** Which of the two: the one that boots, or the one to go back to. */
export type BootcPlace = 'primary' | 'secondary';

/** What such an entry says. */
export interface BootcEntry {
  readonly place: BootcPlace;
  /** `ID` of the deployment's os-release. */
  readonly osId: string;
  readonly title: string;
  readonly version: string;
  /** From the root of the ESP, `/` first. */
  readonly kernelDirectory: string;
  readonly options: string;
  /** Lines beyond, kept for whoever wrote them. */
  readonly more?: readonly BootEntryField[];
}

const PREFIX = 'bootc_';
const SORT_KEY = /^bootc-.*-[01]$/;
/** What bootc calls an operating system that does not say. */
export const BOOTC_DEFAULT_OS = 'bootc';

/** Whether bootc wrote an entry, as far as its name and its sort key tell. */
export function isBootcEntry({
  name,
  entry,
}: {
  readonly name: EntryName;
  readonly entry: BootEntry;
}): boolean {
  return isBootcEntryFile(name.base) && SORT_KEY.test(bootEntryValue(entry, 'sort-key') ?? '');
}

/** Whether a file among the entries is called as bootc calls its own. */
export function isBootcEntryFile(fileName: string): boolean {
  return fileName.startsWith(PREFIX);
}

/** File name and lines of an entry. What no boot loader takes in a file name becomes an underscore. */
export function bootcEntry(wanted: BootcEntry): { readonly fileName: string; readonly entry: BootEntry } {
  const { place, osId, title, version, kernelDirectory, options, more = [] } = wanted;
  const [release, order] = place === 'primary' ? ['1', '0'] : ['0', '1'];
  const { linux, initrd } = kernelPaths(kernelDirectory);
  const fileName = `${PREFIX}${nameable(osId.replaceAll('-', '_'))}-${nameable(version)}-${release}.conf`;
  if (parseEntryName(fileName) === undefined) throw new Error(`internal error: ${fileName} names no entry`);
  const fields = [
    { key: 'title', value: oneLine(title) },
    { key: 'version', value: oneLine(version) },
    { key: 'sort-key', value: `bootc-${oneLine(osId)}-${order}` },
    { key: 'linux', value: linux },
    { key: 'initrd', value: initrd },
    { key: 'options', value: options },
    ...more,
  ];
  return { fileName, entry: { fields } };
}

function nameable(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9._-]/g, '_').slice(0, 100);
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}
