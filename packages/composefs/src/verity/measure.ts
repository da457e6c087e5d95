import type { ByteStream } from '@slipway/core';
import {
  digestBytesOf,
  hashBlock,
  VERITY_BLOCK_BYTES,
  type VerityAlgorithm,
  verityDescriptor,
} from './algorithm.ts';
import { VerityHasher } from './hasher.ts';

/** The name and the length of a file. */
export interface Measurement {
  /** Raw fs-verity digest, 32 or 64 bytes. */
  readonly digest: Buffer;
  readonly sizeBytes: number;
}

/** Padding of the last block. Only ever used between two synchronous steps. */
const scratch = Buffer.alloc(VERITY_BLOCK_BYTES);

/** The fs-verity digest of a stream, in constant memory. */
export async function measureStream(stream: ByteStream, algorithm: VerityAlgorithm): Promise<Measurement> {
  const hasher = new VerityHasher(algorithm, { keepTree: false });
  for await (const chunk of stream) hasher.update(chunk);
  const { digest, sizeBytes } = hasher.finish();
  return { digest, sizeBytes };
}

/** The fs-verity digest of bytes at hand: two hashes where they fit one block, as most files do. */
export function measureBytes(bytes: Uint8Array, algorithm: VerityAlgorithm): Buffer {
  if (bytes.length > VERITY_BLOCK_BYTES) {
    const hasher = new VerityHasher(algorithm, { keepTree: false });
    hasher.update(bytes);
    return hasher.finish().digest;
  }
  return hashBlock(algorithm, verityDescriptor(algorithm, bytes.length, rootOfOneBlock(bytes, algorithm)));
}

/** The identity of an EROFS image or any object: its fs-verity digest in lower case hex. */
export function imageId(bytes: Uint8Array, algorithm: VerityAlgorithm): string {
  return measureBytes(bytes, algorithm).toString('hex');
}

function rootOfOneBlock(bytes: Uint8Array, algorithm: VerityAlgorithm): Buffer {
  if (bytes.length === 0) return Buffer.alloc(digestBytesOf(algorithm));
  if (bytes.length === VERITY_BLOCK_BYTES) return hashBlock(algorithm, bytes);
  scratch.set(bytes, 0);
  scratch.fill(0, bytes.length);
  return hashBlock(algorithm, scratch);
}
