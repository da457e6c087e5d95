import type { ByteStream } from '@slipway/core';
import type { DataRange } from '../../content.ts';
import { BLOCK_BYTES } from '../format.ts';
import { readExtents } from './extents.ts';
import type { Ext4Inode } from './inode.ts';
import { type Ext4Volume, refuse } from './volume.ts';

const CHUNK_BYTES = 1024 * 1024;

/** The parts of a file that hold data, and where they stand on the disk. */
export interface PlacedRange extends DataRange {
  readonly diskOffsetBytes: number;
}

/** The data of a file below its size, joined where it is in one run on the disk too. */
export async function* dataRanges(
  volume: Ext4Volume,
  inode: Ext4Inode,
): AsyncGenerator<PlacedRange, void, undefined> {
  for await (const { logical, physical, blocks } of readExtents(volume, inode)) {
    const offsetBytes = logical * BLOCK_BYTES;
    if (offsetBytes >= inode.sizeBytes) return;
    const lengthBytes = Math.min(blocks * BLOCK_BYTES, inode.sizeBytes - offsetBytes);
    yield { offsetBytes, lengthBytes, diskOffsetBytes: physical * BLOCK_BYTES };
  }
}

/** The bytes of a file, holes as zeros. */
export async function* readContent(volume: Ext4Volume, inode: Ext4Inode): ByteStream {
  let at = 0;
  for await (const range of dataRanges(volume, inode)) {
    yield* zeros(range.offsetBytes - at);
    yield* readRange(volume, range);
    at = range.offsetBytes + range.lengthBytes;
  }
  yield* zeros(inode.sizeBytes - at);
}

/** The bytes of one range. */
export async function* readRange(volume: Ext4Volume, range: PlacedRange): ByteStream {
  for (let done = 0; done < range.lengthBytes; done += CHUNK_BYTES) {
    const length = Math.min(CHUNK_BYTES, range.lengthBytes - done);
    yield await volume.source.read(range.diskOffsetBytes + done, length);
  }
}

/** Everything of a small file. */
export async function readWhole(volume: Ext4Volume, inode: Ext4Inode, limitBytes: number): Promise<Buffer> {
  if (inode.sizeBytes > limitBytes) refuse(`inode ${inode.number} has more than ${limitBytes} bytes`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of readContent(volume, inode)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function* zeros(lengthBytes: number): Generator<Uint8Array, void, undefined> {
  for (let left = lengthBytes; left > 0; left -= CHUNK_BYTES)
    yield new Uint8Array(Math.min(left, CHUNK_BYTES));
}
