/**
 * File names of boot entries with their boot counter (UAPI.1 "Boot counting"): `slipway-<seq>+<left>-<done>.conf`.
 */

/** What a file name says about boot attempts. */
export interface BootCounter {
  /** Attempts the boot loader will still make; 0 puts the entry last in its list. */
  readonly triesLeft: number;
  /** Attempts made that nobody called good. */
  readonly triesDone: number;
}

/** A file name of `loader/entries` taken apart. */
export interface EntryName {
  /** The name without counter and `.conf`: what stays the same while the boot loader counts. */
  readonly base: string;
  /** Undefined once the entry was found good, or if it never was counted. */
  readonly counter: BootCounter | undefined;
}

/** Attempts a new deployment gets. */
export const BOOT_TRIES = 3;

const NAME = /^(?<base>[A-Za-z0-9._-]+?)(?:\+(?<left>\d{1,9})(?:-(?<done>\d{1,9}))?)?\.conf$/;
const SLIPWAY_BASE = /^slipway-(?<sequence>[1-9]\d{0,8})$/;

/** Takes a file name apart; undefined when it is not the name of an entry. */
export function parseEntryName(fileName: string): EntryName | undefined {
  const groups = NAME.exec(fileName)?.groups;
  if (groups?.['base'] === undefined) return undefined;
  const left = groups['left'];
  const counter =
    left === undefined ? undefined : { triesLeft: Number(left), triesDone: Number(groups['done'] ?? '0') };
  return { base: groups['base'], counter };
}

/** Puts a file name together. */
export function formatEntryName({ base, counter }: EntryName): string {
  if (counter === undefined) return `${base}.conf`;
  const done = counter.triesDone === 0 ? '' : `-${counter.triesDone}`;
  return `${base}+${counter.triesLeft}${done}.conf`;
}

/**
 * The file name of a new entry of Slipway; a higher `sequence` is preferred by the boot loader.
 *
 * @param triesLeft attempts before the boot loader turns to another entry; `good` for one that is not counted
 */
export function slipwayEntryName(sequence: number, triesLeft: number | 'good' = BOOT_TRIES): string {
  return formatEntryName({
    base: `slipway-${sequence}`,
    counter: triesLeft === 'good' ? undefined : { triesLeft, triesDone: 0 },
  });
}

/** The sequence number of an entry Slipway wrote, undefined for any other. */
export function entrySequence(name: EntryName): number | undefined {
  const sequence = SLIPWAY_BASE.exec(name.base)?.groups?.['sequence'];
  return sequence === undefined ? undefined : Number(sequence);
}
