import { closeSync, openSync, readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { type ByteStream, messageOf, SlipwayError } from '@slipway/core';

/** Files up to this are read at once, in place: handing them to another thread takes ten times as long as reading them. */
const SMALL_BYTES = 256 * 1024;
const CHUNK_BYTES = 1024 * 1024;

/**
 * The bytes of a file of this machine, for {@link DiskFile.open}: made for many thousands of small files read one after another.
 *
 * A chunk is only good until the next one is asked for; a disk writer keeps none.
 *
 * @param sizeBytes what the file is expected to have; more and fewer bytes are both yielded as they are
 * @throws SlipwayError IO_FAILED when it cannot be read
 */
export async function* fileContent(path: string, sizeBytes: number): ByteStream {
  try {
    const bytes = sizeBytes <= SMALL_BYTES ? readSmall(path, sizeBytes) : undefined;
    if (bytes === undefined) yield* readLarge(path);
    else if (bytes.length > 0) yield bytes;
  } catch (cause) {
    if (cause instanceof SlipwayError) throw cause;
    throw new SlipwayError('IO_FAILED', `cannot read ${path}: ${messageOf(cause)}`, { cause });
  }
}

/** All of it; undefined when it is larger than expected. */
function readSmall(path: string, sizeBytes: number): Buffer | undefined {
  const descriptor = openSync(path, 'r');
  try {
    const bytes = Buffer.allocUnsafe(sizeBytes + 1);
    let length = 0;
    for (;;) {
      const read = readSync(descriptor, bytes, length, bytes.length - length, null);
      length += read;
      if (length === bytes.length) return undefined;
      if (read === 0) return bytes.subarray(0, length);
    }
  } finally {
    closeSync(descriptor);
  }
}

async function* readLarge(path: string): ByteStream {
  await using handle = await open(path, 'r');
  const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  for (;;) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, null);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}
