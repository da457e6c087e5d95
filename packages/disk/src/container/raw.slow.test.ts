import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { patternBytes } from '../testing/trees.ts';
import { openRawTarget } from './raw.ts';

const MIB = 1024 * 1024;

test('any ascending writes stand where they were put, zeros around them', async () => {
  await using dir = await makeTempDir('raw');
  const path = join(dir.path, 'disk');
  const noise = patternBytes(3 * MIB);
  const step = fc.tuple(fc.nat(20_000), fc.oneof(fc.nat(9000), fc.nat(3 * MIB)), fc.boolean());
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 6 }), async (steps) => {
      const expected = Buffer.alloc(20 * MIB);
      await using target = await openRawTarget(path, expected.length);
      let at = 0;
      for (const [hole, length, isZero] of steps) {
        const bytes = isZero ? Buffer.alloc(length) : Buffer.from(noise.subarray(0, length));
        at += hole;
        expected.set(bytes, at);
        await target.write(at, bytes);
        // What was given belongs to the caller again.
        bytes.fill(0xff);
        at += length;
      }
      await target.finish();
      expect(readFileSync(path).equals(expected)).toBe(true);
    }),
    { numRuns: 10 },
  );
});

test('zeros take no room', async () => {
  await using dir = await makeTempDir('raw');
  await using target = await openRawTarget(join(dir.path, 'disk'), 1024 * MIB);
  await target.write(10, patternBytes(10));
  await target.write(MIB, Buffer.alloc(64 * MIB));
  await target.finish();
  const { size, blocks } = statSync(join(dir.path, 'disk'));
  expect([size, blocks * 512 < MIB]).toEqual([1024 * MIB, true]);
});

test('writes that do not ascend are a bug that is told', async () => {
  await using dir = await makeTempDir('raw');
  await using target = await openRawTarget(join(dir.path, 'disk'), MIB);
  await target.write(100, Buffer.from('abc'));
  await expect(target.write(50, Buffer.from('abc'))).rejects.toMatchObject({ code: 'INTERNAL' });
  await expect(openRawTarget(join(dir.path, 'other'), 1.5)).rejects.toMatchObject({ code: 'DISK_INVALID' });
});
