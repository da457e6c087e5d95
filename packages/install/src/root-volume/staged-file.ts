import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { measureStream } from '@slipway/composefs';
import { type ByteStream, SlipwayError } from '@slipway/core';
import { type DiskFile, placedContent } from '@slipway/disk';

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
    const copied = copyBody(file, path, descriptor);
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
async function* copyBody(file: DiskFile, path: Buffer, descriptor: number): ByteStream {
  for await (const { offsetBytes, bytes } of placedContent(file, () => path.toString())) {
    for (let done = 0; done < bytes.length; )
      done += writeSync(descriptor, bytes, done, bytes.length - done, offsetBytes + done);
    yield bytes;
  }
  ftruncateSync(descriptor, file.sizeBytes);
}
