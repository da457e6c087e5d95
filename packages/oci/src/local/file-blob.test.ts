import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import { expect, test } from 'vitest';
import type { OpenBlobOptions } from '../image.ts';
import { fileBlob } from './file-blob.ts';

/** Two chunks and a half, no two alike. */
const BYTES = Buffer.from(Array.from({ length: 2.5 * 2 ** 20 }, (_, at) => (at >> 16) + 1));

async function read(options: OpenBlobOptions): Promise<{ places: number; held: Buffer; copied: Buffer }> {
  await using temp = await makeTempDir('file-blob');
  const path = join(temp.path, 'blob');
  await writeFile(path, BYTES);
  await using blob = fileBlob(await open(path), BYTES.length);
  const held: Uint8Array[] = [];
  const copies: Uint8Array[] = [];
  for await (const chunk of blob.read(0, options)) {
    held.push(chunk);
    copies.push(Uint8Array.from(chunk));
  }
  const places = new Set(held.map(({ buffer }) => buffer)).size;
  return { places, held: Buffer.concat(held), copied: Buffer.concat(copies) };
}

test('chunks stay as they are', async () => {
  const { places, held } = await read({});
  expect(places).toBe(3);
  expect(held.equals(BYTES)).toBe(true);
});

test('chunks nobody needs any more make room for the next ones', async () => {
  const { places, copied } = await read({ reuseChunks: true });
  expect(places).toBe(1);
  expect(copied.equals(BYTES)).toBe(true);
});
