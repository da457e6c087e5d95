import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import {
  chunkSizeFor,
  collectBytes,
  copiedInPieces,
  formatBytes,
  freeBytes,
  freeEngineChunk,
  roundUp,
} from './bytes.ts';

async function* chunks(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

test('collects a stream up to its limit and no further', async () => {
  const tooLarge = (): Error => new Error('too large');
  expect((await collectBytes(chunks('ab', 'cd'), 4, tooLarge)).toString()).toBe('abcd');
  await expect(collectBytes(chunks('ab', 'cd'), 3, tooLarge)).rejects.toThrow('too large');
});

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.0 kB'],
  [123_456, '123 kB'],
  [1_440_000_000, '1.4 GB'],
])('%d bytes read as %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test('frees bytes that have memory of their own, and no others', () => {
  const own = new Uint8Array(10);
  const part = new Uint8Array(10).subarray(1);
  for (const bytes of [own, part]) freeBytes(bytes);
  expect([own.length, part.length]).toEqual([0, 9]);
});

test('frees a buffer of an engine with its last chunk', () => {
  const buffer = new Uint8Array(64);
  freeEngineChunk(buffer.subarray(0, 63), 64);
  expect(buffer.length).toBe(64);
  freeEngineChunk(buffer.subarray(63), 32);
  expect(buffer.length).toBe(64);
  freeEngineChunk(buffer.subarray(63), 64);
  expect(buffer.length).toBe(0);
});

test.each([0, 1, 63, 64, 100_000])('%d bytes are unpacked with room for just them', (sizeBytes) => {
  const plain = Buffer.alloc(sizeBytes, 1);
  const chunkSize = chunkSizeFor(sizeBytes);
  expect(chunkSize).toBeLessThanOrEqual(Math.max(sizeBytes + 1, 64));
  expect(zstdDecompressSync(zstdCompressSync(plain), { chunkSize }).equals(plain)).toBe(true);
});

test('rounds up past 32 bits', () => {
  expect(roundUp(2 ** 40 + 1, 4096)).toBe(2 ** 40 + 4096);
  expect(roundUp(8192, 4096)).toBe(8192);
});

test('copies a stream in pieces of one length', async () => {
  async function* fleeting(): AsyncGenerator<Uint8Array, void, undefined> {
    for (const length of [3, 0, 10, 1]) {
      const chunk = new Uint8Array(length).fill(length);
      yield chunk;
      chunk.fill(0xff);
    }
  }
  const pieces: number[][] = [];
  for await (const piece of copiedInPieces(fleeting(), 5)) pieces.push([...piece]);
  expect(pieces).toEqual([
    [3, 3, 3, 10, 10],
    [10, 10, 10, 10, 10],
    [10, 10, 10, 1],
  ]);
});
