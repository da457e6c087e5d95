import { lstatSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { setFileTimes } from './times.ts';

describe('file times', () => {
  test.each([
    { sec: 1_700_000_000, nsec: 123_456_789 },
    { sec: 0, nsec: 1 },
    { sec: -5, nsec: 999_999_999 },
  ])('$sec.$nsec of a symlink itself, exactly', async (time) => {
    await using dir = await makeTempDir('times-test');
    const [path, link] = [join(dir.path, 'file'), join(dir.path, 'link')];
    writeFileSync(path, '');
    symlinkSync('file', link);
    const before = lstatSync(path, { bigint: true });
    setFileTimes(link, { modified: time });
    expect(lstatSync(link, { bigint: true }).mtimeNs).toBe(
      BigInt(time.sec) * 1_000_000_000n + BigInt(time.nsec),
    );
    expect(lstatSync(path, { bigint: true }).mtimeNs).toBe(before.mtimeNs);
  });

  test('what is left out stays', async () => {
    await using dir = await makeTempDir('times-test');
    const path = join(dir.path, 'file');
    writeFileSync(path, '');
    setFileTimes(path, { accessed: { sec: 7, nsec: 8 }, modified: { sec: 9, nsec: 10 } });
    setFileTimes(path, { modified: { sec: 11, nsec: 12 } });
    const { atimeNs, mtimeNs } = lstatSync(path, { bigint: true });
    expect([atimeNs, mtimeNs]).toEqual([7_000_000_008n, 11_000_000_012n]);
  });

  test('a nanosecond out of range is refused', () => {
    expect(() => setFileTimes('/', { modified: { sec: 0, nsec: 1_000_000_000 } })).toThrow(TypeError);
    expect(() => setFileTimes('/', { modified: { sec: 0.5, nsec: 0 } })).toThrow(TypeError);
  });
});
