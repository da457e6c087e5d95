/** Reading objects: nothing of one is believed before its digest was seen to be its name. */
import { closeSync, constants, createReadStream, fstatSync, openSync, readFileSync } from 'node:fs';
import { errnoOf, SlipwayError } from '@slipway/core';
import type { VerityAlgorithm } from '../verity/algorithm.ts';
import { VerityHasher } from '../verity/hasher.ts';
import { measureBytes } from '../verity/measure.ts';
import { ioError } from './io-error.ts';

const READ_CHUNK_BYTES = 256 * 1024;

/** What the bytes of an object must come to. */
export interface ObjectName {
  readonly digestHex: string;
  readonly algorithm: VerityAlgorithm;
}

/**
 * All bytes of an object.
 *
 * @throws SlipwayError OBJECT_MISSING, OBJECT_CORRUPT, IO_FAILED
 */
export function readObject(path: string, { digestHex, algorithm }: ObjectName, limitBytes: number): Buffer {
  const fd = openObject(path, digestHex);
  try {
    const sizeBytes = fstatSync(fd).size;
    if (sizeBytes > limitBytes)
      throw corruptObject(digestHex, `it has ${sizeBytes} bytes, more than ${limitBytes}`);
    const bytes = readFileSync(fd);
    if (!measureBytes(bytes, algorithm).equals(Buffer.from(digestHex, 'hex'))) {
      throw corruptObject(digestHex, 'its bytes have another digest');
    }
    return bytes;
  } catch (cause) {
    throw ioError('read an object', path, cause);
  } finally {
    closeSync(fd);
  }
}

/**
 * The bytes of an object as a stream whose end throws OBJECT_CORRUPT when they do not match the name.
 *
 * @throws SlipwayError OBJECT_MISSING, OBJECT_CORRUPT, IO_FAILED
 */
export async function* streamObject(
  path: string,
  { digestHex, algorithm }: ObjectName,
): AsyncGenerator<Buffer, void, undefined> {
  const fd = openObject(path, digestHex);
  const hasher = new VerityHasher(algorithm, { keepTree: false });
  const stream = createReadStream('', { fd, autoClose: true, highWaterMark: READ_CHUNK_BYTES });
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      hasher.update(chunk);
      yield chunk;
    }
  } catch (cause) {
    throw ioError('read an object', path, cause);
  }
  if (hasher.finish().digest.toString('hex') !== digestHex) {
    throw corruptObject(digestHex, 'its bytes have another digest');
  }
}

/** @throws SlipwayError OBJECT_MISSING, IO_FAILED */
export function requireObject(path: string, digestHex: string): void {
  closeSync(openObject(path, digestHex));
}

function openObject(path: string, digestHex: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (cause) {
    if (errnoOf(cause) !== 'ENOENT') throw ioError('open an object', path, cause);
    throw new SlipwayError('OBJECT_MISSING', `cannot find object ${digestHex} in the object store`, {
      hint: 'pull the image again; then check the store',
      details: { digest: digestHex },
      cause,
    });
  }
}

/** An object that is not what its name says. */
export function corruptObject(digestHex: string, reason: string): SlipwayError {
  return new SlipwayError('OBJECT_CORRUPT', `cannot use object ${digestHex}: ${reason}`, {
    hint: 'check the store with repair, then pull the image again',
    details: { digest: digestHex },
  });
}
