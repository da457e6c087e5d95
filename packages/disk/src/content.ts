import { SlipwayError } from '@slipway/core';
import type { DiskFile } from './tree.ts';

/** A stretch of a file that holds data; what lies between is a hole. */
export interface DataRange {
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

/** Bytes a file yields when it is opened: all of it, or its data ranges one after another. */
export function contentBytes(file: DiskFile): number {
  return file.data === undefined
    ? file.sizeBytes
    : file.data.reduce((sum, range) => sum + range.lengthBytes, 0);
}

/**
 * Streams the content of a file and holds it to the number of bytes it announced: the layout of the disk rests on that.
 *
 * @throws SlipwayError DISK_CONTENT_CHANGED when more or fewer bytes come
 */
export async function* openContent(file: DiskFile, path: () => string): AsyncGenerator<Uint8Array> {
  const expected = contentBytes(file);
  let actual = 0;
  for await (const chunk of file.open()) {
    actual += chunk.length;
    if (actual > expected) break;
    yield chunk;
  }
  if (actual !== expected) {
    const amount = actual > expected ? `more than ${expected}` : `${actual} of ${expected}`;
    throw new SlipwayError('DISK_CONTENT_CHANGED', `cannot write ${path()}: it yielded ${amount} bytes`, {
      details: { expected, actual },
    });
  }
}
