import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isPlainName, standInName } from './stand-in.ts';

/** Of directories of XFS, a byte at a time. */
function hashOf(name: string): number {
  let hash = 0;
  for (const byte of Buffer.from(name, 'latin1')) hash = byte ^ ((hash << 7) | (hash >>> 25));
  return hash >>> 0;
}

test.each([
  ['hostname', 'hostname'],
  [':etc:ssh', ';\xe5tc:ssh'],
  ['a b', 'a!\xe2'],
  ['end ', 'ene\xa0'],
])('%j is made as %j', (name, standIn) => {
  expect(standInName(name)).toBe(standIn);
});

test.each(['$', ':', ' '])('%j is not made at all', (name) => {
  expect(standInName(name)).toBeUndefined();
});

test('a name that stands in is of the same length and hash, and a word', () => {
  const name = fc.stringMatching(/^[ -~\t\n\x80-\xff]{1,40}$/).filter((text) => !text.includes('/'));
  fc.assert(
    fc.property(name, (text) => {
      const standIn = standInName(text);
      if (standIn === undefined) return;
      expect(standIn).toHaveLength(text.length);
      expect(hashOf(standIn)).toBe(hashOf(text));
      expect(isPlainName(standIn)).toBe(true);
    }),
  );
});
