import { closeSync, openSync, readSync } from 'node:fs';
import { digestBytesOf, VERITY_BLOCK_BYTES, type VerityAlgorithm, writeHash } from './algorithm.ts';

/** A part of a file, and where it goes. */
export interface FilePart {
  readonly path: string;
  /** From the beginning of the file, whole blocks. */
  readonly offsetBytes: number;
  readonly sizeBytes: number;
  /** In the memory it is read into, whole blocks. */
  readonly at: number;
}

/**
 * Reads parts of files into memory, each to its place, and hashes their blocks; whatever else is in that memory becomes zero. So does what a
 * file turns out not to have: its digest will tell.
 *
 * @param parts in the order of their places
 * @param into as many bytes as whole blocks have
 * @returns the lowest level of the Merkle tree of each part, one after the other
 */
export function loadParts(
  parts: readonly FilePart[],
  into: Uint8Array,
  algorithm: VerityAlgorithm,
): Buffer<ArrayBuffer> {
  const hashBytes = digestBytesOf(algorithm);
  const blocks = parts.reduce((sum, { sizeBytes }) => sum + Math.ceil(sizeBytes / VERITY_BLOCK_BYTES), 0);
  const hashes = Buffer.allocUnsafeSlow(blocks * hashBytes);
  let filledBytes = 0;
  let hashed = 0;
  for (const part of parts) {
    into.fill(0, filledBytes, part.at);
    filledBytes = part.at + readPart(part, into);
    const end = part.at + part.sizeBytes;
    into.fill(0, filledBytes, Math.ceil(end / VERITY_BLOCK_BYTES) * VERITY_BLOCK_BYTES);
    for (let at = part.at; at < end; at += VERITY_BLOCK_BYTES) {
      writeHash(algorithm, into.subarray(at, at + VERITY_BLOCK_BYTES), hashes, hashed);
      hashed += hashBytes;
    }
  }
  into.fill(0, filledBytes);
  return hashes;
}

/** Returns how much there was. */
function readPart({ path, offsetBytes, sizeBytes, at }: FilePart, into: Uint8Array): number {
  const fd = openSync(path, 'r');
  try {
    let filled = 0;
    for (let got = -1; got !== 0 && filled < sizeBytes; filled += got)
      got = readSync(fd, into, at + filled, sizeBytes - filled, offsetBytes + filled);
    return filled;
  } finally {
    closeSync(fd);
  }
}
