import {
  BLOCK_BYTES,
  BLOCKS_PER_GROUP,
  FLEX_GROUPS,
  INODE_BYTES,
  INODE_NUMBER,
  SUPERBLOCK_OFFSET,
} from './format.ts';
import { groupMetadata, hasSuperblock } from './geometry.ts';
import { encodeBitmap, encodeDescriptors, groupUse, lastInode } from './groups.ts';
import { encodeJournalInode, encodeNodeInode, encodeResizeInode } from './inode.ts';
import type { Ext4Plan } from './plan.ts';
import { encodeReservedBlocks } from './resize-inode.ts';
import { superblockEncoder } from './superblock.ts';

/** Bytes with their place on the file system. */
export interface Piece {
  readonly offsetBytes: number;
  readonly bytes: Uint8Array;
}

/**
 * All fixed metadata in the order of the disk: superblocks with their descriptors, bitmaps, inode tables. One piece is in
 * memory at a time. What would only be zeros is left out.
 */
export function* metadataPieces(plan: Ext4Plan): Generator<Piece, void, undefined> {
  const descriptors = encodeDescriptors(plan);
  const superblockOf = superblockEncoder(plan);
  for (let group = 0; group < plan.geometry.groups; group += 1) {
    const start = group * BLOCKS_PER_GROUP * BLOCK_BYTES;
    if (hasSuperblock(group)) {
      yield { offsetBytes: start + (group === 0 ? SUPERBLOCK_OFFSET : 0), bytes: superblockOf(group) };
      yield { offsetBytes: start + BLOCK_BYTES, bytes: descriptors };
    }
    if (group === 0)
      yield { offsetBytes: BLOCK_BYTES + descriptors.length, bytes: encodeReservedBlocks(plan) };
    if (group % FLEX_GROUPS === 0) yield* flexPieces(plan, group);
  }
}

function* flexPieces(plan: Ext4Plan, first: number): Generator<Piece, void, undefined> {
  const { geometry } = plan;
  const end = Math.min(first + FLEX_GROUPS, geometry.groups);
  for (let group = first; group < end; group += 1) {
    const use = groupUse(plan, group);
    if (use.blockUninit) continue;
    const offsetBytes = groupMetadata(geometry, group).blockBitmap * BLOCK_BYTES;
    yield { offsetBytes, bytes: encodeBitmap(use.usedBlocks, use.blocks) };
  }
  for (let group = first; group < end; group += 1) {
    const use = groupUse(plan, group);
    if (use.inodeUninit) continue;
    const offsetBytes = groupMetadata(geometry, group).inodeBitmap * BLOCK_BYTES;
    yield { offsetBytes, bytes: encodeBitmap(use.usedInodes, geometry.inodesPerGroup) };
  }
  for (let group = first; group < end; group += 1) {
    const { inodeUninit, usedInodes } = groupUse(plan, group);
    if (inodeUninit) continue;
    const offsetBytes = groupMetadata(geometry, group).inodeTable * BLOCK_BYTES;
    yield { offsetBytes, bytes: encodeInodeTable(plan, group * geometry.inodesPerGroup + 1, usedInodes) };
  }
}

function encodeInodeTable(plan: Ext4Plan, firstNumber: number, count: number): Buffer {
  const table = Buffer.alloc(count * INODE_BYTES);
  const last = Math.min(firstNumber + count - 1, lastInode(plan));
  for (let number = firstNumber; number <= last; number += 1) {
    const inode = encodeNumbered(plan, number);
    if (inode !== undefined) table.set(inode, (number - firstNumber) * INODE_BYTES);
  }
  return table;
}

function encodeNumbered(plan: Ext4Plan, number: number): Buffer | undefined {
  const { resizeBlock, journal } = plan.places;
  if (number === INODE_NUMBER.resize && resizeBlock > 0) return encodeResizeInode(plan);
  if (number === INODE_NUMBER.journal && journal.blocks > 0) return encodeJournalInode(plan);
  const inode = plan.tree.inodeOf(number);
  return inode === undefined ? undefined : encodeNodeInode(plan, inode);
}
