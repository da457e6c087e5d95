import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isSlipwayError, makeTempDir } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import type { OpenDiskSource } from '../device/source.ts';
import type { DiskTarget } from '../device/writer.ts';
import { patternBytes } from '../testing/trees.ts';
import { openDynamicVhdTarget } from './vhd/dynamic.ts';
import { openFixedVhdTarget } from './vhd/fixed.ts';
import { openVhdSource } from './vhd/reader.ts';
import { openVhdxSource } from './vhdx/reader.ts';
import { openVhdxTarget } from './vhdx/writer.ts';
import { openVmdkSource } from './vmdk/reader.ts';
import { openVmdkTarget } from './vmdk/writer.ts';

const MIB = 1024 ** 2;
const SIZE_BYTES = 40 * MIB;
const IDENTITY = { seed: 'seed', timeSec: 1_700_000_000 };

interface Format {
  readonly open: (path: string) => Promise<OpenDiskSource>;
  readonly write: (path: string, sizeBytes: number) => Promise<DiskTarget>;
  /** How qemu-img writes one. */
  readonly qemu: readonly string[];
}

const FORMATS: Readonly<Record<string, Format>> = {
  'dynamic vhd': {
    open: openVhdSource,
    write: (path, sizeBytes) => openDynamicVhdTarget(path, sizeBytes, IDENTITY),
    qemu: ['-O', 'vpc', '-o', 'subformat=dynamic,force_size=on'],
  },
  'fixed vhd': {
    open: openVhdSource,
    write: (path, sizeBytes) => openFixedVhdTarget(path, sizeBytes, IDENTITY),
    qemu: ['-O', 'vpc', '-o', 'subformat=fixed,force_size=on'],
  },
  vhdx: {
    open: openVhdxSource,
    write: (path, sizeBytes) => openVhdxTarget(path, sizeBytes, IDENTITY),
    qemu: ['-O', 'vhdx'],
  },
  vmdk: {
    open: openVmdkSource,
    write: (path, sizeBytes) => openVmdkTarget(path, sizeBytes, IDENTITY),
    qemu: ['-O', 'vmdk', '-o', 'subformat=streamOptimized'],
  },
};

/** Something at the start, noise across blocks, holes, and something in the last sector. */
function sample(): Buffer {
  const disk = Buffer.alloc(SIZE_BYTES);
  disk.write('first', 512);
  patternBytes(3 * MIB).copy(disk, 5 * MIB + 100_352);
  disk.fill('text ', 20 * MIB, 20 * MIB + 70_000);
  disk.write('last', SIZE_BYTES - 512);
  return disk;
}

async function writeDisk(format: Format, path: string, disk: Buffer): Promise<void> {
  await using target = await format.write(path, disk.length);
  for (let at = 0; at < disk.length; at += MIB) await target.write(at, disk.subarray(at, at + MIB));
  await target.finish();
}

async function contents(source: OpenDiskSource): Promise<Buffer> {
  const pieces: Buffer[] = [];
  // No piece begins or ends with a block.
  const step = MIB + 512 * 7;
  for (let at = 0; at < source.sizeBytes; at += step) {
    pieces.push(await source.read(at, Math.min(step, source.sizeBytes - at)));
  }
  return Buffer.concat(pieces);
}

/** Reads a file to its end, or to what is refused; anything else fails the test. */
async function readOrRefuse(format: Format, path: string): Promise<void> {
  try {
    await using source = await format.open(path);
    for (let at = 0; at + 4096 <= Math.min(source.sizeBytes, SIZE_BYTES); at += MIB)
      await source.read(at, 4096);
  } catch (thrown) {
    if (!isSlipwayError(thrown, 'DISK_INVALID')) throw thrown;
  }
}

describe.each(Object.entries(FORMATS))('%s', (_, format) => {
  test('is read as it was written, by us and by qemu-img', async () => {
    await using directory = await makeTempDir('readers');
    const disk = sample();
    const [ours, raw, theirs] = ['ours', 'raw', 'theirs'].map((name) => join(directory.path, name));
    await writeDisk(format, ours ?? '', disk);
    writeFileSync(raw ?? '', disk);
    execFileSync('qemu-img', ['convert', '-f', 'raw', ...format.qemu, raw ?? '', theirs ?? '']);
    for (const path of [ours, theirs]) {
      await using source = await format.open(path ?? '');
      expect(source.sizeBytes).toBe(SIZE_BYTES);
      expect((await contents(source)).equals(disk)).toBe(true);
      await expect(source.read(SIZE_BYTES - 10, 11)).rejects.toThrow(/the disk has/);
    }
  });

  test('that is damaged or cut short is refused or read, and nothing else', async () => {
    await using directory = await makeTempDir('readers');
    const path = join(directory.path, 'disk');
    const disk = Buffer.alloc(2 * MIB);
    disk.write('something', MIB);
    await writeDisk(format, path, disk);
    const whole = readFileSync(path);
    for (let round = 0; round < 120; round++) {
      const damaged = Buffer.from(whole);
      // Most of what can be wrong stands at the front and at the end.
      const place = [
        (round * 37) % 2048,
        whole.length - 1 - ((round * 53) % 2048),
        (round * 7919 * 61) % whole.length,
      ][round % 3];
      damaged.writeUInt8([0xff, 0x00, 0x80, 0x01][(round >> 2) % 4] ?? 0, place ?? 0);
      writeFileSync(
        path,
        round % 10 === 9 ? damaged.subarray(0, Math.floor((whole.length * round) / 120)) : damaged,
      );
      await readOrRefuse(format, path);
    }
  });

  test('is told from other files', async () => {
    await using directory = await makeTempDir('readers');
    const path = join(directory.path, 'disk');
    for (const bytes of [Buffer.alloc(0), Buffer.alloc(511), Buffer.alloc(4 * MIB), patternBytes(2 * MIB)]) {
      writeFileSync(path, bytes);
      await expect(format.open(path)).rejects.toMatchObject({ code: 'DISK_INVALID' });
    }
    await expect(format.open(join(directory.path, 'nothing'))).rejects.toMatchObject({ code: 'IO_FAILED' });
  });
});
