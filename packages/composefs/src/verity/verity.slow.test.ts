import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, run } from '@slipway/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  digestBytesOf,
  hashBlock,
  VERITY_BLOCK_BYTES,
  type VerityAlgorithm,
  verityDescriptor,
} from './algorithm.ts';
import { merkleTree, VerityHasher } from './hasher.ts';
import { imageId, measureBytes, measureStream } from './measure.ts';

const ALGORITHMS: readonly VerityAlgorithm[] = ['sha256', 'sha512'];

/** Bytes that differ everywhere, the same on every run. */
function pattern(sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  let state = 0x9e3779b9;
  for (let index = 0; index < sizeBytes; index += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}

async function* inChunks(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let offset = 0;
  for (let index = 0; offset < bytes.length; index += 1) {
    const size = sizes[index % sizes.length] ?? 1;
    yield bytes.subarray(offset, offset + size);
    offset += size;
  }
}

describe.each(ALGORITHMS)('fs-verity with %s', (algorithm) => {
  const perBlock = VERITY_BLOCK_BYTES / digestBytesOf(algorithm);

  test('agrees with the fsverity tool around every boundary of blocks and levels', async () => {
    await using dir = await makeTempDir('verity');
    const edges = [0, 1, 2, perBlock - 1, perBlock, perBlock + 1, perBlock * 3];
    const sizes = edges.flatMap((blocks) =>
      [-1, 0, 1, 777].map((more) => blocks * VERITY_BLOCK_BYTES + more),
    );
    const files = new Map<string, Buffer>();
    for (const size of sizes.filter((size) => size >= 0)) {
      const path = join(dir.path, `f${size}`);
      const bytes = pattern(size);
      await writeFile(path, bytes);
      files.set(path, bytes);
    }
    const tool = await run(['fsverity', 'digest', `--hash-alg=${algorithm}`, ...files.keys()], {
      describe: 'measure files',
      debianPackage: 'fsverity',
    });
    const expected = tool.stdout.toString('utf8').trim().split('\n');
    const actual = [...files].map(([path, bytes]) => `${algorithm}:${imageId(bytes, algorithm)} ${path}`);
    expect(actual).toEqual(expected);
  });

  test('three levels, above what 16 bits of blocks hold', async () => {
    await using dir = await makeTempDir('verity');
    const bytes = pattern(VERITY_BLOCK_BYTES * (perBlock * perBlock + 1));
    const path = join(dir.path, 'big');
    await writeFile(path, bytes);
    const tool = await run(['fsverity', 'digest', '--compact', `--hash-alg=${algorithm}`, path], {
      describe: 'measure a file',
    });
    const tree = await merkleTree(inChunks(bytes, [1 << 20]), algorithm);
    expect(tree.digest.toString('hex')).toBe(tool.stdout.toString('utf8').trim());
    expect(tree.levels.map((level) => level.length / VERITY_BLOCK_BYTES)).toEqual([1, 2, perBlock + 1]);
  });

  test('does not depend on how the bytes are cut', async () => {
    const bytes = pattern(300_000);
    const expected = measureBytes(bytes, algorithm);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 0, max: 300_000 }),
        async (cuts, sizeBytes) => {
          const part = bytes.subarray(0, sizeBytes);
          const measured = await measureStream(inChunks(part, cuts), algorithm);
          expect(measured).toEqual({ digest: measureBytes(part, algorithm), sizeBytes });
        },
      ),
      { numRuns: 40 },
    );
    expect((await measureStream(inChunks(bytes, [1, 4096, 4095]), algorithm)).digest).toEqual(expected);
  });

  test('every stored level is the hashes of the level below it', async () => {
    const bytes = pattern(VERITY_BLOCK_BYTES * (perBlock + 3) - 5);
    const tree = await merkleTree(inChunks(bytes, [65_536]), algorithm);
    const padded = Buffer.concat([bytes, Buffer.alloc(5)]);
    expect(tree.levels.length).toBe(2);
    let above: Buffer = tree.rootHash;
    for (const level of [...tree.levels, padded]) {
      expect(hashesOf(level, algorithm)).toEqual(above.subarray(0, hashesOf(level, algorithm).length));
      expect(above.subarray(hashesOf(level, algorithm).length).every((byte) => byte === 0)).toBe(true);
      above = level;
    }
    expect(tree.descriptor).toEqual(verityDescriptor(algorithm, bytes.length, tree.rootHash));
    expect(tree.digest).toEqual(hashBlock(algorithm, tree.descriptor));
  });

  test('files of one block store no level', () => {
    for (const size of [0, 1, VERITY_BLOCK_BYTES]) {
      const hasher = new VerityHasher(algorithm);
      hasher.update(pattern(size));
      expect(hasher.finish().levels).toEqual([]);
    }
  });
});

function hashesOf(level: Buffer, algorithm: VerityAlgorithm): Buffer {
  const hashes: Buffer[] = [];
  for (let offset = 0; offset < level.length; offset += VERITY_BLOCK_BYTES) {
    hashes.push(hashBlock(algorithm, level.subarray(offset, offset + VERITY_BLOCK_BYTES)));
  }
  return Buffer.concat(hashes);
}
