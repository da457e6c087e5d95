import type { MerkleTree } from '@slipway/composefs';
import { roundUp } from '@slipway/core';
import type { DiskFile } from '../tree.ts';
import { BLOCK_BYTES } from './format.ts';

/**
 * Where ext4 keeps the proof of a sealed file (kernel: fs/ext4/verity.c): past the end of the file, from the next 64 KiB
 * boundary on, the Merkle tree, root level first; then, in a block of its own, the descriptor; in the last four bytes of
 * that block the descriptor's size. `i_size` stays what it is, so nothing of it is ever read as content.
 */

const METADATA_ALIGNMENT_BYTES = 65_536;
const DESCRIPTOR_BYTES = 256;
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

/** The proof as it stands on the disk, stretch by stretch. */
export function verityBytes(tree: MerkleTree): readonly Buffer[] {
  const last = Buffer.alloc(BLOCK_BYTES);
  last.set(tree.descriptor);
  last.writeUInt32LE(DESCRIPTOR_BYTES, BLOCK_BYTES - 4);
  return [...tree.levels, last];
}
