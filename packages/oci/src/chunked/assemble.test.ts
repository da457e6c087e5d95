import { createCipheriv } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { ChunkCursor } from '../tar/chunk-cursor.ts';
import { assembleArchive } from './assemble.ts';

/** Does not compress. */
const NOISE = createCipheriv('aes-256-ctr', Buffer.alloc(32), Buffer.alloc(16)).update(Buffer.alloc(200_000));

/** Takes each chunk back when it is asked for the next one. */
async function* takingBack(bytes: Buffer, chunkBytes: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    const chunk = Uint8Array.from(bytes.subarray(at, at + chunkBytes));
    yield chunk;
    chunk.fill(0);
  }
}

test('what was fetched is unpacked right, though its memory is taken back', async () => {
  const packed = gzipSync(NOISE);
  const range = { startBytes: 0, endBytes: packed.length };
  const fetched = new ChunkCursor(takingBack(packed, 1000));
  const pieces: Buffer[] = [];
  for await (const piece of assembleArchive([{ kind: 'fetch', range }], fetched, 'the archive'))
    pieces.push(Buffer.from(piece));
  expect(Buffer.concat(pieces).equals(NOISE)).toBe(true);
});
