import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openRawTarget } from '../container/raw.ts';
import { bytesSource, openRawSource } from '../device/source.ts';
import { deriveUuid } from '../uuid.ts';
import { PARTITION_ATTRIBUTES, PARTITION_TYPES } from './format.ts';
import { type GptLayout, layoutGpt } from './layout.ts';
import { encodeMbr } from './mbr.ts';
import { readGpt } from './reader.ts';
import { writeGptDisk } from './writer.ts';

const MIB = 1024 * 1024;

function sampleLayout(sizeBytes?: number): GptLayout {
  return layoutGpt({
    diskUuid: deriveUuid('seed', 'disk'),
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
    partitions: [
      { type: PARTITION_TYPES.biosBoot, uuid: deriveUuid('seed', 'bios'), label: 'bios', sizeBytes: MIB },
      {
        type: PARTITION_TYPES.esp,
        uuid: deriveUuid('seed', 'esp'),
        label: 'EFI system',
        sizeBytes: 5 * MIB - 7,
      },
      {
        type: PARTITION_TYPES.rootX64,
        uuid: deriveUuid('seed', 'root'),
        label: 'root ✓',
        attributes: PARTITION_ATTRIBUTES.growFileSystem,
      },
    ],
  });
}

async function makeDisk(path: string, layout: GptLayout): Promise<void> {
  const esp = layout.partitions[1];
  await using target = await openRawTarget(path, layout.sizeBytes);
  await writeGptDisk(target, layout, {
    partitions: new Map([[esp?.uuid ?? '', (window) => window.write(512, Buffer.from('here'))]]),
    bootCode: Buffer.alloc(440, 0x90),
  });
  await target.finish();
}

describe('a partitioned disk', () => {
  test('passes sfdisk and sgdisk and reads back', async () => {
    await using dir = await makeTempDir('gpt');
    const path = join(dir.path, 'disk.img');
    const layout = sampleLayout(64 * MIB);
    await makeDisk(path, layout);
    execFileSync('sfdisk', ['--verify', path]);
    expect(execFileSync('sgdisk', ['-v', path], { encoding: 'utf8' })).toContain('No problems found');
    const { partitiontable } = JSON.parse(execFileSync('sfdisk', ['--json', path], { encoding: 'utf8' }));
    expect(partitiontable.id.toLowerCase()).toBe(layout.diskUuid);
    expect(
      partitiontable.partitions.map((each: Record<string, unknown>) => [
        each['start'],
        each['size'],
        each['name'],
      ]),
    ).toEqual([
      [2048, 2048, 'bios'],
      [4096, 10240, 'EFI system'],
      [14336, (64 - 8) * 2048, 'root ✓'],
    ]);
    expect(partitiontable.partitions[2]).toMatchObject({
      type: PARTITION_TYPES.rootX64.toUpperCase(),
      attrs: 'GUID:59',
    });
    await using source = await openRawSource(path);
    expect(await readGpt(source)).toEqual(layout);
    expect((await source.read(2 * MIB + 512, 4)).toString()).toBe('here');
  });

  test('without a size it is as small as its partitions', async () => {
    await using dir = await makeTempDir('gpt');
    const layout = sampleLayout();
    expect(layout.sizeBytes).toBe(9 * MIB);
    await makeDisk(join(dir.path, 'disk.img'), layout);
    execFileSync('sfdisk', ['--verify', join(dir.path, 'disk.img')]);
  });

  test('with a hybrid master boot record has both tables', async () => {
    await using dir = await makeTempDir('gpt');
    const path = join(dir.path, 'disk.img');
    const layout = sampleLayout(64 * MIB);
    const [, esp, root] = layout.partitions.map(({ uuid }) => uuid);
    {
      await using target = await openRawTarget(path, layout.sizeBytes);
      await writeGptDisk(target, layout, {
        partitions: new Map(),
        hybrid: [
          { uuid: esp ?? '', type: 0xef },
          { uuid: root ?? '', type: 0x83, isActive: true },
        ],
      });
      await target.finish();
    }
    expect(execFileSync('sgdisk', ['-v', path], { encoding: 'utf8' })).toContain('No problems found');
    const asGpt = JSON.parse(execFileSync('sfdisk', ['--json', path], { encoding: 'utf8' })).partitiontable;
    expect([asGpt.label, asGpt.partitions.length]).toEqual(['gpt', 3]);
    const dos = execFileSync('sfdisk', ['--label-nested', 'dos', '--json', path], { encoding: 'utf8' });
    const { partitions } = JSON.parse(dos).partitiontable;
    expect(
      partitions.map(({ type, start, size, bootable }: Record<string, unknown>) => [
        type,
        start,
        size,
        bootable ?? false,
      ]),
    ).toEqual([
      ['ee', 1, 4095, false],
      ['ef', 4096, 10240, false],
      ['83', 14336, (64 - 8) * 2048, true],
    ]);
    await using source = await openRawSource(path);
    expect(await readGpt(source)).toEqual(layout);
  });

  test.each([
    ['more than three', ['bios', 'esp', 'root', 'bios'], 0x83],
    ['one twice', ['esp', 'esp'], 0xef],
    ['one that is not there', ['home'], 0x83],
    ['a protective one', ['esp'], 0xee],
    ['no type', ['esp'], 0],
  ])('a hybrid master boot record of %s is refused', (_, names, type) => {
    const hybrid = names.map((name) => ({ uuid: deriveUuid('seed', name), type }));
    expect(() => encodeMbr(sampleLayout(), { hybrid })).toThrow(
      expect.objectContaining({ code: 'DISK_INVALID' }),
    );
  });

  test('the backup table serves when the primary is damaged', async () => {
    await using dir = await makeTempDir('gpt');
    const path = join(dir.path, 'disk.img');
    const layout = sampleLayout(16 * MIB);
    await makeDisk(path, layout);
    const bytes = readFileSync(path);
    bytes.fill(0x55, 512, 1024);
    expect(await readGpt(bytesSource(bytes))).toEqual(layout);
    bytes.fill(0x55, bytes.length - 512);
    await expect(readGpt(bytesSource(bytes))).rejects.toMatchObject({ code: 'DISK_INVALID' });
  });

  test('damaged bytes never give anything but an answer or DISK_INVALID', async () => {
    await using dir = await makeTempDir('gpt');
    const path = join(dir.path, 'disk.img');
    await makeDisk(path, sampleLayout());
    const good = readFileSync(path);
    const place = fc.tuple(fc.nat(17_919), fc.integer({ min: 0, max: 255 }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(place, { minLength: 1, maxLength: 8 }),
        fc.nat(good.length),
        async (flips, end) => {
          const bytes = Buffer.from(good.subarray(0, end % 3 === 0 ? end : good.length));
          for (const [at, value] of flips) if (at < bytes.length) bytes[at] = value;
          await readGpt(bytesSource(bytes)).catch((error: unknown) =>
            expect(error).toMatchObject({ code: 'DISK_INVALID' }),
          );
        },
      ),
      { numRuns: 60 },
    );
  });

  test.each([
    ['too small a disk', () => sampleLayout(7 * MIB), 'DISK_TOO_SMALL'],
    ['a size that is not whole sectors', () => sampleLayout(64 * MIB + 1), 'DISK_INVALID'],
    [
      'a label that is too long',
      () =>
        layoutGpt({
          diskUuid: deriveUuid('s', 'd'),
          partitions: [{ type: PARTITION_TYPES.esp, uuid: deriveUuid('s', 'p'), label: 'x'.repeat(37) }],
        }),
      'DISK_NAME_INVALID',
    ],
  ])('%s is refused', (_, act, code) => {
    expect(act).toThrow(expect.objectContaining({ code }));
  });
});
