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

/** Bytes of a file, and where in it they are. */
export interface PlacedBytes {
  readonly offsetBytes: number;
  readonly bytes: Uint8Array;
}

/**
 * The same, each piece with its place: a hole lies wherever the next one does not begin where one ends. A piece is good until the next one
 * is asked for.
 *
 * @throws SlipwayError as {@link openContent}
 */
export async function* placedContent(file: DiskFile, path: () => string): AsyncGenerator<PlacedBytes> {
  const ranges = [...(file.data ?? [{ offsetBytes: 0, lengthBytes: file.sizeBytes }])];
  let range = ranges.shift();
  let at = range?.offsetBytes ?? 0;
  for await (const chunk of openContent(file, path)) {
    for (let done = 0; done < chunk.length && range !== undefined; ) {
      const end = range.offsetBytes + range.lengthBytes;
      const bytes = chunk.subarray(done, done + end - at);
      if (bytes.length > 0) yield { offsetBytes: at, bytes };
      done += bytes.length;
      at += bytes.length;
      if (at === end) {
        range = ranges.shift();
        at = range?.offsetBytes ?? at;
      }
    }
  }
}
