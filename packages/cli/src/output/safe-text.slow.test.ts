import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { safeText } from './safe-text.ts';

test.each([
  ['plain text, ümlauts and 漢字', 'plain text, ümlauts and 漢字'],
  ['two\nlines\tand a tab', 'two\nlines\tand a tab'],
  ['\u001b[31mred\u001b[0m', '\\x1b[31mred\\x1b[0m'],
  ['over\rwritten', 'over\\x0dwritten'],
  ['\u009b31m', '\\x9b31m'],
  ['reversed \u202egnp.exe', 'reversed \\u202egnp.exe'],
])('%j', (text, safe) => {
  expect(safeText(text)).toBe(safe);
});

test('nothing a terminal obeys comes through', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const obeyed = Array.from(safeText(text)).filter((character) => {
        const code = character.codePointAt(0) ?? 0;
        return !(code === 9 || code === 10 || (code >= 0x20 && (code < 0x7f || code > 0x9f)));
      });
      expect(obeyed).toEqual([]);
    }),
  );
});
