import { createHash } from 'node:crypto';
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { VerityHasher } from '@slipway/composefs';
import { makeTempDir } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { openRawTarget } from '../container/raw.ts';
import { directoryOf, fileOf, patternBytes } from '../testing/trees.ts';
import type { DiskDirectory, DiskFile } from '../tree.ts';
import { deriveUuid } from '../uuid.ts';
import { AREA_BYTES, fileSteps } from './area.ts';
import { planExt4 } from './plan.ts';
import { writeExt4 } from './writer.ts';

const MIB = 1024 * 1024;
const SIZES = [0, 1, 4096, 4097, 600_000, AREA_BYTES - 4096, AREA_BYTES, 5 * MIB + 17, 70_001, 130 * MIB];

function sealedFile(bytes: Buffer, verity: 'sha256' | 'sha512'): DiskFile {
  const hasher = new VerityHasher(verity);
  hasher.update(bytes);
  return { ...fileOf(bytes, { verity }), verityDigest: hasher.finish().digest };
}

/** Sealed files of many lengths and both algorithms among others. */
function sealedFiles(): readonly (readonly [name: string, file: DiskFile, bytes: Buffer])[] {
  return SIZES.map((size, index) => {
    const bytes = patternBytes(size, index);
    return [`file-${index}`, sealedFile(bytes, index === 4 ? 'sha512' : 'sha256'), bytes] as const;
  });
}

async function sha256OfDisk(path: string, tree: DiskDirectory): Promise<string> {
  const plan = planExt4(tree, { uuid: deriveUuid('seed', 'root'), timeSec: 0, sizeBytes: 256 * MIB });
  await using target = await openRawTarget(path, plan.sizeBytes);
  await writeExt4(target, plan);
  await target.finish();
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

/** The same file, lying in a directory. */
function lyingIn(directory: string, name: string, file: DiskFile, bytes: Buffer): DiskFile {
  const path = join(directory, name);
  writeFileSync(path, bytes);
  return { ...file, path };
}

describe('sealed files that lie on this machine', () => {
  test('stand on the disk as those whose bytes are yielded', async () => {
    await using dir = await makeTempDir('area');
    const files = sealedFiles();
    const other = { 'file-3-plain': fileOf('plain'), 'file-9-plain': fileOf(patternBytes(9000)) };
    const yielded = directoryOf({ ...other, ...Object.fromEntries(files) });
    const lying = files.map(([name, file, bytes]) => [name, lyingIn(dir.path, name, file, bytes)] as const);
    const read = directoryOf({ ...other, ...Object.fromEntries(lying) });
    const [one, two] = [join(dir.path, 'one.raw'), join(dir.path, 'two.raw')];
    expect(await sha256OfDisk(one, read)).toBe(await sha256OfDisk(two, yielded));
  });

  test('are cut into areas of whole blocks that ascend and hold no more than they may', () => {
    const files = sealedFiles().map(([name, file]) => [name, { ...file, path: `/nowhere/${name}` }] as const);
    const plan = planExt4(directoryOf(Object.fromEntries(files)), {
      uuid: deriveUuid('seed', 'root'),
      timeSec: 0,
    });
    let end = 0;
    let contentBytes = 0;
    for (const step of fileSteps(plan)) {
      if (step.kind === 'file') throw new Error('a file that was not to be read');
      expect(step.offsetBytes).toBeGreaterThanOrEqual(end);
      expect(step.lengthBytes % 4096).toBe(0);
      expect(step.lengthBytes).toBeLessThanOrEqual(AREA_BYTES);
      end = step.offsetBytes + step.lengthBytes;
      for (const { kind, sizeBytes } of step.parts) if (kind === 'content') contentBytes += sizeBytes;
    }
    expect(contentBytes).toBe(SIZES.reduce((sum, size) => sum + size, 0));
  });

  test.each([
    ['other bytes', (path: string) => writeFileSync(path, 'axc'), 'DISK_CONTENT_CHANGED'],
    ['fewer bytes', (path: string) => truncateSync(path, 2), 'DISK_CONTENT_CHANGED'],
    ['none any more', (path: string) => rmSync(path), 'IO_FAILED'],
  ])('that have %s are an error', async (_, damage, code) => {
    await using dir = await makeTempDir('area');
    const bytes = Buffer.from('abc');
    const file = lyingIn(dir.path, 'file', sealedFile(bytes, 'sha256'), bytes);
    damage(join(dir.path, 'file'));
    const made = sha256OfDisk(join(dir.path, 'disk.raw'), directoryOf({ file }));
    await expect(made).rejects.toMatchObject({ code });
  });
});
