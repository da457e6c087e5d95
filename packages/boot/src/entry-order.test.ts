import { describe, expect, test } from 'vitest';
import { parseBootEntry } from './entry.ts';
import { formatEntryName, parseEntryName } from './entry-name.ts';
import { compareBootEntries, type OrderedEntry } from './entry-order.ts';

function entry(fileName: string, text = 'sort-key slipway\nlinux /a\n'): OrderedEntry {
  const name = parseEntryName(fileName);
  if (name === undefined) throw new Error(fileName);
  return { name, entry: parseBootEntry(text, fileName) };
}

function sorted(...entries: readonly OrderedEntry[]): readonly string[] {
  return entries.toSorted(compareBootEntries).map(({ name }) => formatEntryName(name));
}

describe('the order of systemd-boot', () => {
  test('starts the highest sequence, as a number', () => {
    expect(sorted(entry('slipway-9.conf'), entry('slipway-10+3.conf'), entry('slipway-2.conf'))).toEqual([
      'slipway-10+3.conf',
      'slipway-9.conf',
      'slipway-2.conf',
    ]);
  });

  test('puts what has no tries left last, even behind entries without a sort key', () => {
    expect(
      sorted(entry('slipway-10+0-3.conf'), entry('other.conf', 'linux /a\n'), entry('slipway-9.conf')),
    ).toEqual(['slipway-9.conf', 'other.conf', 'slipway-10+0-3.conf']);
  });

  test('looks at sort key, then version, then name', () => {
    expect(
      sorted(
        entry('c.conf', 'sort-key b\nversion 9\n'),
        entry('a.conf', 'sort-key a\nversion 1.9\n'),
        entry('b.conf', 'sort-key a\nversion 1.10\n'),
        entry('z.conf', 'title none\n'),
      ),
    ).toEqual(['b.conf', 'a.conf', 'c.conf', 'z.conf']);
  });

  test('prefers more tries left of one entry', () => {
    expect(sorted(entry('a+1-2.conf'), entry('a+2-1.conf'))).toEqual(['a+2-1.conf', 'a+1-2.conf']);
  });
});
