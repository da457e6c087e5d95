import { hash } from 'node:crypto';

/** The hash a file is sealed with. sha256 is what `mkcomposefs` uses, sha512 what bootc uses. */
export type VerityAlgorithm = 'sha256' | 'sha512';

/** Bytes of data, and of every Merkle tree block: the only block size composefs uses. */
export const VERITY_BLOCK_BYTES = 4096;

/** Bytes of `struct fsverity_descriptor`, whose hash is the digest of the file. */
export const VERITY_DESCRIPTOR_BYTES = 256;

/** Length of a digest in bytes. */
export function digestBytesOf(algorithm: VerityAlgorithm): 32 | 64 {
  return algorithm === 'sha256' ? 32 : 64;
}

/** The algorithm whose digests are this long, if there is one. */
export function algorithmOfDigest(digest: Uint8Array): VerityAlgorithm | undefined {
  if (digest.length === 32) return 'sha256';
  return digest.length === 64 ? 'sha512' : undefined;
}

/** `FS_VERITY_HASH_ALG_*` of the kernel, also used by the overlay's metacopy attribute. */
export function kernelAlgorithmNumber(algorithm: VerityAlgorithm): 1 | 2 {
  return algorithm === 'sha256' ? 1 : 2;
}

/** The hash of a block: one-shot, which per 4 KiB block is a third faster than `createHash`. */
export function hashBlock(algorithm: VerityAlgorithm, block: Uint8Array): Buffer {
  return hash(algorithm, block, 'buffer');
}

/**
 * Writes the hash of a block at `offset`. By way of a latin1 string, because a buffer for every hash costs a fifth of
 * what hashing costs: so it reaches nine tenths of what the processor can, and native code of our own would gain little.
 */
export function writeHash(algorithm: VerityAlgorithm, block: Uint8Array, into: Buffer, offset: number): void {
  into.write(hash(algorithm, block, 'latin1'), offset, 'latin1');
}

/**
 * The 256 bytes the kernel hashes to name a file: version 1, algorithm, log2 of the block size, no
 * salt, size and root hash (composefs-format section 10; `struct fsverity_descriptor` in the kernel).
 */
export function verityDescriptor(
  algorithm: VerityAlgorithm,
  sizeBytes: number,
  rootHash: Uint8Array,
): Buffer {
  const descriptor = Buffer.alloc(VERITY_DESCRIPTOR_BYTES);
  descriptor[0] = 1;
  descriptor[1] = kernelAlgorithmNumber(algorithm);
  descriptor[2] = Math.log2(VERITY_BLOCK_BYTES);
  descriptor.writeBigUInt64LE(BigInt(sizeBytes), 8);
  descriptor.set(rootHash, 16);
  return descriptor;
}
