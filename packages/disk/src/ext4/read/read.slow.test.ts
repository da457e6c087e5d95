import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isSlipwayError, makeTempDir } from '@slipway/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openRawTarget } from '../../container/raw.ts';
import { bytesSource } from '../../device/source.ts';
import { comparable } from '../../testing/comparable.ts';
import { directoryOf, fileOf, metaOf, patternBytes } from '../../testing/trees.ts';
import type { DiskNode } from '../../tree.ts';
import { deriveUuid } from '../../uuid.ts';
import { inodeChecksum } from '../checksum.ts';
import { INODE, INODE_BYTES } from '../format.ts';
import { planExt4 } from '../plan.ts';
import { writeExt4 } from '../writer.ts';
import { readExt4 } from './tree.ts';

const SAMPLE = directoryOf({
  dir: directoryOf({ deep: directoryOf({ file: fileOf(patternBytes(9000)) }) }),
  link: { kind: 'symlink', target: 'x'.repeat(100), meta: metaOf({ mode: 0o777 }) },
  sealed: fileOf(patternBytes(20_000), { verity: 'sha256' }),
  attributes: fileOf('a', { meta: { xattrs: new Map([['user.large', patternBytes(1000)]]) } }),
  comb: {
    ...fileOf(patternBytes(8 * 4096)),
    sizeBytes: 16 * 4096,
    data: Array.from({ length: 8 }, (_, index) => ({ offsetBytes: index * 8192, lengthBytes: 4096 })),
  },
});

/** The smallest image of the sample: its metadata, where damage matters, is the first half megabyte. */
async function sampleImage(): Promise<Buffer> {
  await using dir = await makeTempDir('ext4');
  const plan = planExt4(SAMPLE, {
    uuid: deriveUuid('seed', 'root'),
    timeSec: 1_700_000_000,
    journalBytes: 0,
  });
  await using target = await openRawTarget(join(dir.path, 'fs'), plan.sizeBytes);
  await writeExt4(target, plan);
  await target.finish();
  return readFileSync(join(dir.path, 'fs'));
}

describe('reading an ext4 file system', () => {
  test('one of mke2fs is read, with an index in its directory and holes in its files', async () => {
    await using dir = await makeTempDir('ext4');
    const path = join(dir.path, 'fs.img');
    const names = Array.from({ length: 400 }, (_, index) => `a rather long name of a file, number ${index}`);
    const commands = [`mkdir d`, 'cd d', ...names.map((name) => `symlink "${name}" target`)].join('\n');
    execFileSync(
      'mkfs.ext4',
      ['-q', '-b', '4096', '-O', 'verity,^metadata_csum_seed,^orphan_file', path, '64M'],
      {
        stdio: 'pipe',
      },
    );
    execFileSync('debugfs', ['-w', '-f', '-', path], { input: commands, stdio: ['pipe', 'pipe', 'pipe'] });
    execFileSync('e2fsck', ['-fyD', path], { stdio: 'pipe' });
    expect(execFileSync('debugfs', ['-R', 'stat /d', path], { encoding: 'utf8', stdio: 'pipe' })).toContain(
      'Flags: 0x81000',
    );
    // As a kernel leaves it that made the index of a list: the end of the list still stands in the root of the index.
    const image = readFileSync(path);
    const rootBlock = Number(
      execFileSync('debugfs', ['-R', 'bmap /d 0', path], { encoding: 'utf8', stdio: 'pipe' }),
    );
    Buffer.from('000000000c0000de', 'hex').copy(image, (rootBlock + 1) * 4096 - 12);
    for (const bytes of [readFileSync(path), image]) {
      const { root } = await readExt4(bytesSource(bytes));
      const directory: DiskNode | undefined = root.entries.get('d');
      expect(directory?.kind === 'directory' && [...directory.entries.keys()].sort()).toEqual(
        names.toSorted(),
      );
    }
  });

  test('damaged bytes give what was written or DISK_INVALID', async () => {
    const good = await sampleImage();
    const expected = await comparable(SAMPLE);
    const flip = fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }));
    await fc.assert(
      fc.asyncProperty(fc.array(flip, { minLength: 1, maxLength: 200 }), async (flips) => {
        const bad = Buffer.from(good);
        for (const [at, mask] of flips) bad.writeUInt8(bad.readUInt8(at) ^ mask, at);
        const { root } = await readExt4(bytesSource(bad)).catch(refused);
        if (root !== undefined) expect((await comparable(root)).length).toBe(expected.length);
      }),
      { numRuns: 60 },
    );
  });

  test('inodes forged with a right checksum give an answer or DISK_INVALID', async () => {
    const good = await sampleImage();
    const seed = planExt4(SAMPLE, {
      uuid: deriveUuid('seed', 'root'),
      timeSec: 1_700_000_000,
      journalBytes: 0,
    }).seed;
    const table = tableOffset(good);
    const forgery = fc.tuple(
      fc.constantFrom(2, 11, 12, 13, 14, 15, 16, 17, 18),
      fc.nat(INODE_BYTES - 1),
      fc.nat(255),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(forgery, { minLength: 1, maxLength: 6 }), async (forgeries) => {
        const bad = Buffer.from(good);
        for (const [number, at, value] of forgeries)
          forge(bad.subarray(table + (number - 1) * INODE_BYTES), { seed, number, at, value });
        const { root } = await readExt4(bytesSource(bad)).catch(refused);
        if (root !== undefined) for (const node of root.entries.values()) await readStart(node);
      }),
      { numRuns: 300 },
    );
  });
});

function refused(error: unknown): { readonly root: undefined } {
  if (!isSlipwayError(error, 'DISK_INVALID')) throw error;
  return { root: undefined };
}

async function readStart(node: DiskNode): Promise<void> {
  if (node.kind !== 'file') return;
  for await (const chunk of node.open()) {
    expect(chunk.length).toBeGreaterThan(0);
    return;
  }
}

function tableOffset(image: Buffer): number {
  return image.readUInt32LE(4096 + 8) * 4096;
}

interface Forgery {
  readonly seed: number;
  readonly number: number;
  readonly at: number;
  readonly value: number;
}

function forge(inode: Buffer, { seed, number, at, value }: Forgery): void {
  const bytes = inode.subarray(0, INODE_BYTES);
  bytes.writeUInt8(value, at);
  bytes.writeUInt16LE(0, INODE.checksumLow);
  bytes.writeUInt16LE(0, INODE.checksumHigh);
  const checksum = inodeChecksum(seed, number, bytes);
  bytes.writeUInt16LE(checksum & 0xffff, INODE.checksumLow);
  bytes.writeUInt16LE(checksum >>> 16, INODE.checksumHigh);
}
