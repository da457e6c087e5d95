import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { measureStream } from '@slipway/composefs';
import { type ByteStream, SlipwayError } from '@slipway/core';
import type { DiskFile } from '@slipway/disk';

/**
 * Copies a file of a tree to this machine, for a program that takes it from there. Content that has a digest must have that one.
 *
 * Not synced: a power cut leaves a file nobody looks for.
 *
 * @throws SlipwayError OBJECT_CORRUPT, DISK_CONTENT_CHANGED, and what the system says of the file
 */
export async function stageFile(file: DiskFile, path: Buffer): Promise<void> {
  const descriptor = openSync(path, 'wx', 0o600);
  try {
    const { verity, verityDigest } = file;
    const copied = copyBody(file, descriptor);
    if (verity === undefined || verityDigest === undefined) {
      for await (const _ of copied);
      return;
    }
    const { digest } = await measureStream(copied, verity);
    if (!digest.equals(verityDigest)) {
      throw new SlipwayError(
        'OBJECT_CORRUPT',
        `cannot write the object ${Buffer.from(verityDigest).toString('hex')}: its bytes do not have the digest that names it`,
        { hint: 'slipway composefs fsck finds what is damaged in the object store; or remove the cache' },
      );
    }
  } finally {
    closeSync(descriptor);
  }
}

/** Writes the bytes where they belong, and hands them on. */
async function* copyBody(file: DiskFile, descriptor: number): ByteStream {
  const parts = [...(file.data ?? [{ offsetBytes: 0, lengthBytes: file.sizeBytes }])];
  let part = parts.shift();
  let at = part?.offsetBytes ?? 0;
  for await (const chunk of file.open()) {
    for (let done = 0; done < chunk.length; ) {
      if (part === undefined) throw changed();
      const left = part.offsetBytes + part.lengthBytes - at;
      const written = writeSync(descriptor, chunk, done, Math.min(left, chunk.length - done), at);
      done += written;
      at += written;
      if (written === left) {
        part = parts.shift();
        at = part?.offsetBytes ?? at;
      }
    }
    yield chunk;
  }
  if (part !== undefined && at < part.offsetBytes + part.lengthBytes) throw changed();
  ftruncateSync(descriptor, file.sizeBytes);
}

function changed(): SlipwayError {
  return new SlipwayError(
    'DISK_CONTENT_CHANGED',
    'cannot write a file: it does not have as many bytes as it said',
  );
}
