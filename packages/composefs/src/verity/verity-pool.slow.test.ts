import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import { expect, test } from 'vitest';
import { VerityHasher } from './hasher.ts';
import { measureFile } from './measure-file.ts';
import { VerityPool } from './verity-pool.ts';

const PART_BYTES = 4 * 1024 * 1024;
const SIZES = [0, 1, 4096, 4097, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES + 12_345];

test.each(['sha256', 'sha512'] as const)(
  '%s: threads build the tree one pass builds, of many files at once',
  async (algorithm) => {
    await using dir = await makeTempDir('verity-pool');
    await using pool = new VerityPool(2);
    await Promise.all(
      SIZES.map(async (size) => {
        const bytes = Buffer.alloc(size, `content of ${size}`);
        const path = join(dir.path, `${size}`);
        await writeFile(path, bytes);
        await using file = await open(path);
        const hasher = new VerityHasher(algorithm);
        hasher.update(bytes);
        expect(await pool.merkleTree(file.fd, size, algorithm)).toEqual(hasher.finish());
      }),
    );
  },
);

test('a file that is shorter than it was has the tree of what is there', async () => {
  await using dir = await makeTempDir('verity-pool');
  await using pool = new VerityPool(2);
  const path = join(dir.path, 'shrunk');
  await writeFile(path, Buffer.alloc(PART_BYTES + 5, 'x'));
  await using file = await open(path);
  const tree = await pool.merkleTree(file.fd, 3 * PART_BYTES, 'sha256');
  expect(tree.sizeBytes).toBe(PART_BYTES + 5);
  expect(tree.digest).toEqual((await measureFile(path, 'sha256')).digest);
});

test('what cannot be read fails as reading does, and the pool goes on', async () => {
  await using dir = await makeTempDir('verity-pool');
  await using pool = new VerityPool(1);
  await using directory = await open(dir.path);
  await expect(pool.merkleTree(directory.fd, PART_BYTES * 5, 'sha256')).rejects.toMatchObject({
    code: 'EISDIR',
  });
  const path = join(dir.path, 'file');
  await writeFile(path, 'x');
  await using file = await open(path);
  expect((await pool.merkleTree(file.fd, 1, 'sha256')).sizeBytes).toBe(1);
});
