import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DiskTarget } from '../../device/writer.ts';
import { patternBytes } from '../../testing/trees.ts';
import { openRawTarget } from '../raw.ts';
import { openQcow2Source } from './reader.ts';
import { openQcow2Target } from './writer.ts';

const MIB = 1024 * 1024;

/** Text packs well, the pattern does not pack at all. */
const TEXT = Buffer.from('all work and no play '.repeat(20_000));
const NOISE = patternBytes(3 * MIB);

async function fill(target: DiskTarget, writes: readonly (readonly [number, Buffer])[]): Promise<void> {
  await using open = target;
  for (const [offset, bytes] of writes) await open.write(offset, bytes);
  await open.finish();
}

const SAMPLE: readonly (readonly [number, Buffer])[] = [
  [512, Buffer.from('first')],
  [100_000, TEXT],
  [MIB, NOISE],
  [5 * MIB, Buffer.alloc(2 * MIB)],
  [8 * MIB + 1, TEXT],
  [600 * MIB, NOISE.subarray(0, 70_000)],
  [2100 * MIB - 5, Buffer.from('final')],
];

describe('a qcow2 image', () => {
  test.each(['none', 'zlib', 'zstd'] as const)(
    'with %s compression passes qemu-img and equals the raw disk',
    async (compression) => {
      await using dir = await makeTempDir('qcow2');
      const raw = join(dir.path, 'disk.raw');
      const qcow2 = join(dir.path, 'disk.qcow2');
      await fill(await openRawTarget(raw, 2100 * MIB), SAMPLE);
      await fill(await openQcow2Target(qcow2, 2100 * MIB, { compression }), SAMPLE);
      expect(
        JSON.parse(execFileSync('qemu-img', ['check', '--output=json', qcow2], { encoding: 'utf8' })),
      ).toMatchObject({
        'check-errors': 0,
      });
      expect(execFileSync('qemu-img', ['compare', raw, qcow2], { encoding: 'utf8' })).toContain('identical');
      const info = JSON.parse(
        execFileSync('qemu-img', ['info', '--output=json', qcow2], { encoding: 'utf8' }),
      );
      expect(info).toMatchObject({
        'virtual-size': 2100 * MIB,
        'format-specific': {
          data: { 'compression-type': compression === 'zstd' ? 'zstd' : 'zlib', corrupt: false },
        },
      });
      if (compression !== 'none') expect(statSync(qcow2).size).toBeLessThan(4.5 * MIB);
      expect(statSync(raw).blocks * 512).toBeLessThan(5 * MIB);
      await using source = await openQcow2Source(qcow2);
      for (const [offset, bytes] of SAMPLE)
        expect((await source.read(offset, bytes.length)).equals(bytes)).toBe(true);
    },
  );

  test('an image of qemu-img is read, whatever its cluster size', async () => {
    await using dir = await makeTempDir('qcow2');
    const raw = join(dir.path, 'disk.raw');
    await fill(await openRawTarget(raw, 12 * MIB), SAMPLE.slice(0, 5));
    for (const options of ['cluster_size=4k', 'cluster_size=2M,compression_type=zstd', 'compat=0.10']) {
      const qcow2 = join(dir.path, `${options}.qcow2`);
      execFileSync('qemu-img', ['convert', '-c', '-O', 'qcow2', '-o', options, raw, qcow2]);
      await using source = await openQcow2Source(qcow2);
      expect((await source.read(0, 12 * MIB)).equals(readFileSync(raw))).toBe(true);
    }
  });

  test('any ascending writes give a sound image that reads back', async () => {
    await using dir = await makeTempDir('qcow2');
    const path = join(dir.path, 'disk.qcow2');
    const write = fc.tuple(fc.nat(200_000), fc.nat(200_000), fc.boolean());
    await fc.assert(
      fc.asyncProperty(
        fc.array(write, { maxLength: 12 }),
        fc.constantFrom('none', 'zlib', 'zstd'),
        async (steps, compression) => {
          const expected = Buffer.alloc(8 * MIB);
          let at = 0;
          const writes = steps.map(([hole, length, noise]): readonly [number, Buffer] => {
            const bytes = (noise ? NOISE : TEXT).subarray(0, length);
            const offset = at + hole;
            at = offset + bytes.length;
            expected.set(bytes, offset);
            return [offset, bytes];
          });
          await fill(await openQcow2Target(path, expected.length, { compression }), writes);
          execFileSync('qemu-img', ['check', '-q', path]);
          await using source = await openQcow2Source(path);
          expect((await source.read(0, expected.length)).equals(expected)).toBe(true);
        },
      ),
      { numRuns: 12 },
    );
  });

  test('damaged headers and tables give an answer or DISK_INVALID', async () => {
    await using dir = await makeTempDir('qcow2');
    const good = join(dir.path, 'good.qcow2');
    await fill(await openQcow2Target(good, 12 * MIB), SAMPLE.slice(0, 5));
    const bytes = readFileSync(good);
    const { writeFile } = await import('node:fs/promises');
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 20 }),
        fc.array(fc.tuple(fc.nat(119), fc.nat(255)), { maxLength: 3 }),
        async (anywhere, inHeader) => {
          const bad = Buffer.from(bytes);
          for (const [at, value] of [...anywhere, ...inHeader]) bad[at] = value;
          const path = join(dir.path, 'bad.qcow2');
          await writeFile(path, bad);
          const outcome = (async () => {
            await using source = await openQcow2Source(path);
            await source.read(0, Math.min(source.sizeBytes, 12 * MIB));
          })();
          await outcome.catch((error: unknown) => expect(error).toMatchObject({ code: 'DISK_INVALID' }));
        },
      ),
      { numRuns: 40 },
    );
  });

  test('nothing is left when the work is given up', async () => {
    await using dir = await makeTempDir('qcow2');
    for (const open of [openQcow2Target, openRawTarget]) {
      await using target = await open(join(dir.path, 'disk'), 64 * MIB);
      await target.write(0, NOISE);
    }
    expect(readdirSync(dir.path)).toEqual([]);
  });
});
