import type { MerkleTree } from '@slipway/composefs';
import { roundUp, SlipwayError } from '@slipway/core';
import type { DiskFile } from '../tree.ts';
import { BLOCK_BYTES } from './format.ts';

/**
 * Where ext4 keeps the proof of a sealed file (kernel: fs/ext4/verity.c): past the end of the file, from the next 64 KiB
 * boundary on, the Merkle tree, root level first; then, in a block of its own, the descriptor; in the last four bytes of
 * that block the descriptor's size. `i_size` stays what it is, so nothing of it is ever read as content.
 */

const METADATA_ALIGNMENT_BYTES = 65_536;
const DESCRIPTOR_BYTES = 256;
/** As it stands at the very end. */
const DESCRIPTOR_SIZE: Uint8Array = Buffer.from(Uint32Array.of(DESCRIPTOR_BYTES).buffer);
const HASH_BYTES = { sha256: 32, sha512: 64 } as const;

/** The logical block where the proof of a file of this size starts. */
export function verityStartBlock(sizeBytes: number): number {
  return roundUp(sizeBytes, METADATA_ALIGNMENT_BYTES) / BLOCK_BYTES;
}

/** Blocks of the proof: every level of the tree, and one for the descriptor. */
export function verityBlocks(sizeBytes: number, algorithm: NonNullable<DiskFile['verity']>): number {
  const hashesPerBlock = BLOCK_BYTES / HASH_BYTES[algorithm];
  let total = 1;
  for (let blocks = Math.ceil(sizeBytes / BLOCK_BYTES); blocks > 1; ) {
    blocks = Math.ceil(blocks / hashesPerBlock);
    total += blocks;
  }
  return total;
}

/**
 * Writes the proof, or the part of it that begins `fromBytes` in and fills `into`.
 *
 * @param into zeros
 */
export function writeProof({ levels, descriptor }: MerkleTree, into: Buffer, fromBytes = 0): void {
  let at = -fromBytes;
  const put = (bytes: Uint8Array, offset: number): void => {
    const skipped = Math.max(0, -offset);
    const part = bytes.subarray(skipped, Math.max(skipped, into.length - offset));
    if (part.length > 0) into.set(part, offset + skipped);
  };
  for (const level of levels) {
    put(level, at);
    at += level.length;
  }
  put(descriptor, at);
  put(DESCRIPTOR_SIZE, at + BLOCK_BYTES - DESCRIPTOR_SIZE.length);
}

/**
 * The tree of a file, found to be the one it should have.
 *
 * @param path for the message
 * @throws SlipwayError DISK_CONTENT_CHANGED
 */
export function checkedTree(
  { verityDigest: expected }: DiskFile,
  tree: MerkleTree,
  path: () => string,
): MerkleTree {
  if (expected === undefined || tree.digest.equals(expected)) return tree;
  throw new SlipwayError(
    'DISK_CONTENT_CHANGED',
    `cannot write ${path()}: its fs-verity digest is not what it was`,
    { details: { expected: Buffer.from(expected).toString('hex'), actual: tree.digest.toString('hex') } },
  );
}
