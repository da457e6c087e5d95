import { matchesDisk } from '../config/disk-name.ts';
import type { DiskConfig } from '../config/types.ts';
import type { KickstartCommand } from './parser.ts';
import { isOn, listOf, textOf } from './setting.ts';

/** Which disks a file lets an installer touch, and what happens to what is on them. */
export interface DiskSelection {
  /** Only these; all where empty. Names, patterns with `*` and `?`, alternatives with `|`. */
  readonly use: readonly string[];
  readonly ignore: readonly string[];
  readonly clear: 'none' | 'all' | 'linux' | 'list';
  /** The partitions `list` means. */
  readonly partitions: readonly string[];
  /** The disks clearing is limited to; every usable one where empty. */
  readonly clearDrives: readonly string[];
  readonly newLabel: string | undefined;
  readonly initialisesUnreadable: boolean;
}

/** Reads it out of `ignoredisk`, `clearpart` and `zerombr`; the last line of each counts. */
export function diskSelection(commands: readonly KickstartCommand[]): DiskSelection {
  const last = (name: string): KickstartCommand | undefined =>
    commands.findLast((each) => each.name === name);
  const ignoredisk = last('ignoredisk');
  const clearpart = last('clearpart');
  const partitions = clearpart === undefined ? [] : listOf(clearpart, 'list');
  const has = (name: string): boolean => clearpart !== undefined && isOn(clearpart, name);
  const wanted = has('all') ? 'all' : has('linux') ? 'linux' : 'none';
  return {
    use: ignoredisk === undefined ? [] : listOf(ignoredisk, 'only-use'),
    ignore: ignoredisk === undefined ? [] : listOf(ignoredisk, 'drives'),
    clear: partitions.length > 0 ? 'list' : wanted,
    partitions,
    clearDrives: clearpart === undefined ? [] : listOf(clearpart, 'drives'),
    newLabel: has('initlabel')
      ? clearpart === undefined
        ? undefined
        : (textOf(clearpart, 'disklabel') ?? 'gpt')
      : undefined,
    initialisesUnreadable: last('zerombr') !== undefined,
  };
}

/** The same of a configuration: `drives` and `wipe`. */
export function configuredSelection({ drives = [], wipe = false }: DiskConfig): DiskSelection {
  return {
    use: drives,
    ignore: [],
    clear: wipe ? 'all' : 'none',
    partitions: [],
    clearDrives: [],
    newLabel: undefined,
    initialisesUnreadable: false,
  };
}

/** Whether the file lets an installer touch a disk. */
export function isSelected({ use, ignore }: DiskSelection, path: string): boolean {
  return (use.length === 0 || matchesDisk(use, path)) && !matchesDisk(ignore, path);
}

/** Whether the file says that everything on a disk may be erased. */
export function mayErase(selection: DiskSelection, path: string): boolean {
  const { clear, clearDrives } = selection;
  return (
    clear === 'all' &&
    isSelected(selection, path) &&
    (clearDrives.length === 0 || matchesDisk(clearDrives, path))
  );
}
