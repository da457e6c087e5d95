/** The order in which systemd-boot lists entries; it starts the first unless told otherwise. */
import { type BootEntry, bootEntryValue } from './entry.ts';
import { type EntryName, formatEntryName } from './entry-name.ts';
import { compareVersions } from './version-order.ts';

/** What the order depends on. */
export interface OrderedEntry {
  readonly name: EntryName;
  readonly entry: BootEntry;
}

/**
 * Negative when `a` stands before `b`: entries out of tries last; entries with a `sort-key` first and by it; then
 * machine id, version and file name, newest first; then the entry with more tries left.
 */
export function compareBootEntries(a: OrderedEntry, b: OrderedEntry): number {
  const rules = [bySpentTries, bySortKey, byFileName, byTries];
  for (const rule of rules) {
    const order = rule(a, b);
    if (order !== 0) return order;
  }
  return 0;
}

function bySpentTries(a: OrderedEntry, b: OrderedEntry): number {
  return Number(a.name.counter?.triesLeft === 0) - Number(b.name.counter?.triesLeft === 0);
}

function bySortKey(a: OrderedEntry, b: OrderedEntry): number {
  const left = bootEntryValue(a.entry, 'sort-key');
  const right = bootEntryValue(b.entry, 'sort-key');
  if (left === undefined || right === undefined) {
    return Number(left === undefined) - Number(right === undefined);
  }
  return (
    compareText(left, right) ||
    compareText(bootEntryValue(a.entry, 'machine-id') ?? '', bootEntryValue(b.entry, 'machine-id') ?? '') ||
    -compareVersions(bootEntryValue(a.entry, 'version') ?? '', bootEntryValue(b.entry, 'version') ?? '')
  );
}

function byFileName(a: OrderedEntry, b: OrderedEntry): number {
  return -compareVersions(formatEntryName(a.name).toLowerCase(), formatEntryName(b.name).toLowerCase());
}

function byTries(a: OrderedEntry, b: OrderedEntry): number {
  const left = a.name.counter;
  const right = b.name.counter;
  if (left === undefined || right === undefined) return 0;
  return right.triesLeft - left.triesLeft || left.triesDone - right.triesDone;
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
