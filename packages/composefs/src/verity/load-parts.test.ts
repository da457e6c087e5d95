import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import { expect, test } from 'vitest';
import { treeOfLeaves, VerityHasher } from './hasher.ts';
import { loadParts } from './load-parts.ts';

const BLOCK = 4096;

function bytesOf(length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, index) => (index * 7919) >>> 3));
}

test.each(['sha256', 'sha512'] as const)(
  '%s: the tree of leaves is the one a hasher builds',
  async (algorithm) => {
    await using dir = await makeTempDir('load-parts');
    for (const size of [0, 1, BLOCK, BLOCK + 1, 128 * BLOCK, 200 * BLOCK + 5]) {
      const path = join(dir.path, String(size));
      writeFileSync(path, bytesOf(size));
      const into = new Uint8Array(Math.ceil(size / BLOCK) * BLOCK).fill(0xee);
      const parts = size === 0 ? [] : [{ path, offsetBytes: 0, sizeBytes: size, at: 0 }];
      const leaves = loadParts(parts, into, algorithm);
      const hasher = new VerityHasher(algorithm);
      hasher.update(bytesOf(size));
      expect(treeOfLeaves(algorithm, leaves, size)).toEqual(hasher.finish());
    }
  },
);

test('parts stand at their places, zeros everywhere else', async () => {
  await using dir = await makeTempDir('load-parts');
  const path = join(dir.path, 'file');
  writeFileSync(path, bytesOf(2 * BLOCK + 10));
  const into = Buffer.alloc(6 * BLOCK, 0xee);
  const leaves = loadParts(
    [
      { path, offsetBytes: BLOCK, sizeBytes: BLOCK + 10, at: BLOCK },
      // Ten bytes more than there are.
      { path, offsetBytes: 2 * BLOCK, sizeBytes: 20, at: 4 * BLOCK },
    ],
    into,
    'sha256',
  );
  expect(leaves).toHaveLength(3 * 32);
  const expected = Buffer.alloc(into.length);
  expected.set(bytesOf(2 * BLOCK + 10).subarray(BLOCK), BLOCK);
  expected.set(bytesOf(2 * BLOCK + 10).subarray(2 * BLOCK), 4 * BLOCK);
  expect(into.equals(expected)).toBe(true);
});
