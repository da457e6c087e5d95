import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deploymentEntry, parseBootEntry } from './entry.ts';
import { bootEntryText } from './entry-files.ts';
import { SUM_LEADS, textSum } from './text-sum.ts';

const ID = 'ab'.repeat(32);
const ENTRY = deploymentEntry({
  title: 'Debian',
  kernelDirectory: `/EFI/Linux/slipway-${ID}`,
  options: `root=UUID=1 rw composefs=${ID}`,
});

describe('the last line of a small text', () => {
  test('is a comment to whoever reads entries, and fits', () => {
    const text = bootEntryText(ENTRY);
    expect(parseBootEntry(text, 'x')).toEqual(ENTRY);
    expect(textSum(text, SUM_LEADS.bootEntry)).toBe('right');
  });

  test('tells of any byte that is another, its own included', () => {
    const text = bootEntryText(ENTRY);
    const at = fc.nat({ max: text.length - 1 });
    fc.assert(
      fc.property(at, fc.nat({ max: 7 }), (index, bit) => {
        const bytes = Buffer.from(text);
        bytes[index] = (bytes[index] ?? 0) ^ (1 << bit);
        expect(textSum(bytes.toString('utf8'), SUM_LEADS.bootEntry)).toBe('wrong');
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    '',
    'title Debian\n',
    `title x\noptions root=UUID=1 composefs=${ID}\n`,
    '# made by hand\ntitle y\n',
  ])('is not missed where there never was one: %j', (text) => {
    expect(textSum(text, SUM_LEADS.bootEntry)).toBe('none');
  });

  test('is not seen in a digest of as long a key, as in origin files of bootc', () => {
    expect(textSum(`[boot]\nboot_type = bls\ndigest = ${ID}\n`, SUM_LEADS.origin)).toBe('none');
    expect(textSum(`[boot]\nchacksum=${ID}\n`, SUM_LEADS.origin)).toBe('wrong');
  });
});
