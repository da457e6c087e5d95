import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DiskTarget } from '../device/writer.ts';
import { patternBytes } from '../testing/trees.ts';
import { openGceTarget } from './gce.ts';
import { openOvaTarget } from './ova/writer.ts';
import { openQcow2Target } from './qcow2/writer.ts';
import { openRawTarget } from './raw.ts';
import { openRawZstdTarget } from './raw-zstd.ts';
import { teeTarget } from './tee.ts';
import { openDynamicVhdTarget } from './vhd/dynamic.ts';
import { openFixedVhdTarget } from './vhd/fixed.ts';
import { openVhdxTarget } from './vhdx/writer.ts';
import { openVmdkTarget } from './vmdk/writer.ts';

const MIB = 1024 ** 2;
const SIZE_BYTES = 40 * MIB;
const IDENTITY = { seed: 'seed', timeSec: 1_700_000_000 };
const MACHINE = { name: 'Shop <1>', architecture: 'amd64' };

type Open = (path: string, sizeBytes: number) => Promise<DiskTarget>;

/** What qemu-img reads, with its own names. */
const READABLE: readonly (readonly [name: string, format: string, open: Open])[] = [
  ['vmdk', 'vmdk', (path, sizeBytes) => openVmdkTarget(path, sizeBytes, IDENTITY)],
  ['fixed vhd', 'vpc', (path, sizeBytes) => openFixedVhdTarget(path, sizeBytes, IDENTITY)],
  ['dynamic vhd', 'vpc', (path, sizeBytes) => openDynamicVhdTarget(path, sizeBytes, IDENTITY)],
  ['vhdx', 'vhdx', (path, sizeBytes) => openVhdxTarget(path, sizeBytes, IDENTITY)],
  ['qcow2', 'qcow2', (path, sizeBytes) => openQcow2Target(path, sizeBytes)],
];

/** Whole GiB of it take seconds: tests/disk-image.test.ts looks at one. */
const GCE: Open = (path, sizeBytes) => openGceTarget(path, sizeBytes, IDENTITY);

const ARCHIVES: readonly (readonly [name: string, open: Open])[] = [
  ['ova', (path, sizeBytes) => openOvaTarget(path, sizeBytes, IDENTITY, MACHINE)],
  ['raw zstd', openRawZstdTarget],
];

const EVERYTHING: readonly (readonly [name: string, open: Open])[] = [
  ...READABLE.map(([name, , open]) => [name, open] as const),
  ...ARCHIVES,
];

/** Text packs well, the pattern does not pack at all. */
const TEXT = Buffer.from('all work and no play '.repeat(20_000));
const NOISE = patternBytes(3 * MIB);

type Write = readonly [offset: number, bytes: Buffer];

const SAMPLE: readonly Write[] = [
  [512, Buffer.from('first')],
  [100_000, TEXT],
  [MIB, NOISE],
  [5 * MIB, Buffer.alloc(2 * MIB)],
  [8 * MIB + 1, TEXT],
  [36 * MIB, NOISE.subarray(0, 70_000)],
  [SIZE_BYTES - 5, Buffer.from('final')],
];

async function fill(target: DiskTarget, writes: readonly Write[] = SAMPLE): Promise<void> {
  await using open = target;
  for (const [offset, bytes] of writes) {
    const mine = Buffer.from(bytes);
    await open.write(offset, mine);
    // What was given belongs to the caller again.
    mine.fill(0xff);
  }
  await open.finish();
}

function tool(program: string, ...args: readonly string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', maxBuffer: 64 * MIB });
}

function compare(raw: string, format: string, path: string): string {
  return tool('qemu-img', 'compare', '-f', 'raw', '-F', format, raw, path);
}

test.each(READABLE)('a %s passes qemu-img and equals the raw disk', async (_, format, open) => {
  await using dir = await makeTempDir('containers');
  const raw = join(dir.path, 'raw');
  const path = join(dir.path, 'disk');
  await fill(teeTarget([await openRawTarget(raw, SIZE_BYTES), await open(path, SIZE_BYTES)]));
  const info: unknown = JSON.parse(tool('qemu-img', 'info', '--output=json', '-f', format, path));
  expect(info).toMatchObject({ 'virtual-size': SIZE_BYTES, format });
  if (format !== 'vpc') tool('qemu-img', 'check', '-f', format, path);
  expect(compare(raw, format, path)).toContain('identical');
  expect(statSync(path).blocks * 512).toBeLessThan(16 * MIB);
});

test.each(READABLE)('any ascending writes into a %s are read by qemu-img', async (_, format, open) => {
  await using dir = await makeTempDir('containers');
  const raw = join(dir.path, 'raw');
  const path = join(dir.path, 'disk');
  const hole = fc.oneof(fc.nat(70_000), fc.nat(8 * MIB));
  const step = fc.tuple(hole, fc.nat(300_000), fc.constantFrom(NOISE, TEXT, Buffer.alloc(MIB)));
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 8 }), fc.nat(30), async (steps, more) => {
      let at = 0;
      const writes = steps.map(([skipped, length, from]): Write => {
        const bytes = from.subarray(0, length);
        const offset = at + skipped;
        at = offset + bytes.length;
        return [offset, bytes];
      });
      const sizeBytes = Math.ceil(at / MIB + more + 1) * MIB;
      await fill(teeTarget([await openRawTarget(raw, sizeBytes), await open(path, sizeBytes)]), writes);
      expect(compare(raw, format, path)).toContain('identical');
    }),
    { numRuns: 3 },
  );
});

describe('an archive', () => {
  test('of a raw disk is one zstd unpacks', async () => {
    await using dir = await makeTempDir('containers');
    const raw = join(dir.path, 'disk.raw');
    const path = join(dir.path, 'disk.raw.zst');
    const sizeBytes = 20 * MIB + 512;
    const writes = SAMPLE.slice(0, 5);
    await fill(
      teeTarget([await openRawTarget(raw, sizeBytes), await openRawZstdTarget(path, sizeBytes)]),
      writes,
    );
    tool('zstd', '-q', '-d', path, '-o', `${path}.plain`);
    expect(readFileSync(`${path}.plain`).equals(readFileSync(raw))).toBe(true);
  });

  test('OVA holds descriptor, manifest and VMDK, each as the other says', async () => {
    await using dir = await makeTempDir('containers');
    const raw = join(dir.path, 'disk.raw');
    const path = join(dir.path, 'disk.ova');
    await fill(
      teeTarget([
        await openRawTarget(raw, SIZE_BYTES),
        await openOvaTarget(path, SIZE_BYTES, IDENTITY, MACHINE),
      ]),
    );
    expect(tool('tar', '-tf', path)).toBe('disk.ovf\ndisk.mf\ndisk.vmdk\n');
    tool('tar', '-xf', path, '-C', dir.path);
    const sums = readFileSync(join(dir.path, 'disk.mf'), 'latin1');
    for (const name of ['disk.ovf', 'disk.vmdk']) {
      const bytes = readFileSync(join(dir.path, name));
      expect(sums).toContain(`SHA256(${name})= ${createHash('sha256').update(bytes).digest('hex')}\n`);
    }
    const descriptor = readFileSync(join(dir.path, 'disk.ovf'), 'utf8');
    const vmdk = join(dir.path, 'disk.vmdk');
    expect(descriptor).toContain(`ovf:size="${statSync(vmdk).size}"`);
    expect(descriptor).toContain(`ovf:capacity="${SIZE_BYTES}"`);
    expect(descriptor).toContain('<Name>Shop &#60;1&#62;</Name>');
    expect(compare(raw, 'vmdk', vmdk)).toContain('identical');
  });
});

describe('every container', () => {
  test.each(EVERYTHING)('%s: the same disk gives the same bytes', async (_, open) => {
    await using dir = await makeTempDir('containers');
    const one = join(dir.path, 'one');
    const other = join(dir.path, 'other');
    await fill(await open(one, SIZE_BYTES));
    // In pieces of other lengths.
    await fill(
      await open(other, SIZE_BYTES),
      SAMPLE.flatMap(([offset, bytes]): Write[] => [
        [offset, bytes.subarray(0, 3)],
        [offset + 3, bytes.subarray(3)],
      ]),
    );
    expect(tool('cmp', one, other)).toBe('');
  });

  test.each([...EVERYTHING, ['gce', GCE] as const])(
    '%s: nothing is left when the work is given up',
    async (_, open) => {
      await using dir = await makeTempDir('containers');
      {
        await using target = await open(join(dir.path, 'disk'), 1024 * MIB);
        await target.write(0, NOISE);
      }
      expect(readdirSync(dir.path)).toEqual([]);
    },
  );

  test.each(EVERYTHING)('%s: an empty disk is a disk', async (_, open) => {
    await using dir = await makeTempDir('containers');
    await fill(await open(join(dir.path, 'disk'), SIZE_BYTES), []);
    expect(readdirSync(dir.path)).toEqual(['disk']);
  });

  test.each([...EVERYTHING, ['gce', GCE] as const])(
    '%s: a size it cannot have is refused before a file is there',
    async (_, open) => {
      await using dir = await makeTempDir('containers');
      await expect(open(join(dir.path, 'disk'), SIZE_BYTES + 1)).rejects.toMatchObject({
        code: 'DISK_INVALID',
      });
      expect(readdirSync(dir.path)).toEqual([]);
    },
  );
});
