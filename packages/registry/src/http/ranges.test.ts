import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseChunkRange, parseRange } from './ranges.ts';

describe('Range', () => {
  test.each([
    [undefined, 'whole'],
    ['bytes=0-1,lines', 'whole'],
    ['bytes=0-1,1-2', 'whole'],
    ['bytes=5-6,0-1', 'whole'],
    [`bytes=${'0-0,'.repeat(5000)}0-0`, 'whole'],
    ['bytes=10-,-0', 'unsatisfiable'],
    ['bytes=5-1', 'unsatisfiable'],
    ['bytes=-', 'whole'],
    ['lines=0-1', 'whole'],
    [`bytes=${'9'.repeat(400)}-`, 'whole'],
    ['bytes=10-', 'unsatisfiable'],
    ['bytes=10-20', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
  ])('%s of ten bytes: %s', (header, kind) => {
    expect(parseRange(header, 10)).toEqual({ kind });
  });

  test.each([
    ['bytes=0-', 0, 9],
    ['bytes=0-0', 0, 0],
    ['bytes=3-100', 3, 9],
    ['bytes=-3', 7, 9],
    ['bytes=-100', 0, 9],
    ['bytes= 3-4 ', 3, 4],
  ])('%s of ten bytes', (header, first, last) => {
    expect(parseRange(header, 10)).toEqual({ kind: 'part', range: { first, last } });
  });

  test('several, of which those that are outside are left out', () => {
    const ranges = [
      { first: 0, last: 1 },
      { first: 5, last: 6 },
      { first: 8, last: 9 },
    ];
    expect(parseRange('bytes=0-1, 5-6,-2', 10)).toEqual({ kind: 'parts', ranges });
    expect(parseRange('bytes=0-1,5-6,8-100,20-30', 10)).toEqual({ kind: 'parts', ranges });
    expect(parseRange('bytes=8-100,20-30', 10)).toEqual({ kind: 'part', range: ranges[2] });
  });

  test('nothing of nothing can be had', () => {
    for (const header of ['bytes=0-', 'bytes=-1', 'bytes=0-0']) {
      expect(parseRange(header, 0)).toEqual({ kind: 'unsatisfiable' });
    }
  });

  test('a part always lies within', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.nat(), fc.constantFrom('', '-'), (first, last, size, prefix) => {
        const answer = parseRange(
          `bytes=${prefix}${first}-${prefix === '' ? last : ''}`.replace(/-$/, ''),
          size,
        );
        if (answer.kind !== 'part') return;
        expect(answer.range.first).toBeGreaterThanOrEqual(0);
        expect(answer.range.last).toBeLessThan(size);
        expect(answer.range.first).toBeLessThanOrEqual(answer.range.last);
      }),
    );
  });
});

describe('Content-Range of a chunk', () => {
  test.each(['0-99', 'bytes 0-99/*', 'bytes 0-99/1000', 'bytes=0-99', ' 0-99 '])('%s', (header) => {
    expect(parseChunkRange(header)).toEqual({ first: 0, last: 99 });
  });

  test.each(['', '99-0', '0-', '-99', 'a-b', '0-99-100', '0x0-0x9', `0-${'9'.repeat(16)}`])(
    '%j is none',
    (header) => {
      expect(parseChunkRange(header)).toBeUndefined();
    },
  );
});
