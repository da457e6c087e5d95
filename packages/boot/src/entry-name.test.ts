import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { entrySequence, formatEntryName, parseEntryName, slipwayEntryName } from './entry-name.ts';

describe('entry names', () => {
  test.each([
    ['slipway-7.conf', 'slipway-7', undefined],
    ['slipway-7+3.conf', 'slipway-7', { triesLeft: 3, triesDone: 0 }],
    ['slipway-7+2-1.conf', 'slipway-7', { triesLeft: 2, triesDone: 1 }],
    ['slipway-7+0-3.conf', 'slipway-7', { triesLeft: 0, triesDone: 3 }],
    ['bootc_debian-13.1-1.conf', 'bootc_debian-13.1-1', undefined],
  ])('%s', (fileName, base, counter) => {
    const name = parseEntryName(fileName);
    expect(name).toEqual({ base, counter });
    expect(name && formatEntryName(name)).toBe(fileName);
  });

  test.each(['a', '.conf', 'a b.conf', 'a+x.conf', 'a+1-.conf', '../a.conf', 'a+1+2.conf'])(
    '%s is none',
    (fileName) => {
      expect(parseEntryName(fileName)).toBeUndefined();
    },
  );

  test('carry the sequence of Slipway', () => {
    expect(slipwayEntryName(12)).toBe('slipway-12+3.conf');
    expect(slipwayEntryName(12, 'good')).toBe('slipway-12.conf');
    const sequence = (fileName: string) => {
      const name = parseEntryName(fileName);
      return name && entrySequence(name);
    };
    expect(sequence('slipway-12+1-2.conf')).toBe(12);
    expect(sequence('slipway-012.conf')).toBeUndefined();
    expect(sequence('debian-12.conf')).toBeUndefined();
  });

  test('survive writing and reading', () => {
    const counter = fc.option(fc.record({ triesLeft: fc.nat(99), triesDone: fc.nat(99) }), {
      nil: undefined,
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e8 }), counter, (sequence, counter) => {
        const name = { base: `slipway-${sequence}`, counter };
        expect(parseEntryName(formatEntryName(name))).toEqual(name);
        expect(entrySequence(name)).toBe(sequence);
      }),
    );
  });
});
