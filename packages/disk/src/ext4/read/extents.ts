import { crc32c } from '../../checksum/crc32c.ts';
import type { Extent } from '../extent.ts';
import {
  BLOCK_BYTES,
  EXTENT,
  EXTENT_ENTRY_BYTES,
  EXTENT_HEADER,
  EXTENT_INDEX,
  EXTENT_MAGIC,
  EXTENTS_PER_BLOCK,
  MAX_EXTENT_BLOCKS,
} from '../format.ts';
import type { Ext4Inode } from './inode.ts';
import { type Ext4Volume, readBlock, refuse } from './volume.ts';

const MAX_DEPTH = 5;

/**
 * The extents of a file in ascending order; allocated but unwritten ones are left out, they read as zeros.
 *
 * @throws SlipwayError DISK_INVALID for a tree that is damaged, out of order or points outside the disk
 */
export async function* readExtents(
  volume: Ext4Volume,
  inode: Ext4Inode,
): AsyncGenerator<Extent, void, undefined> {
  if (!inode.hasExtents) refuse(`inode ${inode.number} has no extents`);
  let nextLogical = 0;
  let visited = 0;

  async function* walk(node: Buffer, depth: number | undefined): AsyncGenerator<Extent, void, undefined> {
    const ownDepth = node.readUInt16LE(EXTENT_HEADER.depth);
    const entries = node.readUInt16LE(EXTENT_HEADER.entries);
    const capacity = Math.floor((node.length - EXTENT_ENTRY_BYTES) / EXTENT_ENTRY_BYTES);
    const wellFormed = node.readUInt16LE(EXTENT_HEADER.magic) === EXTENT_MAGIC && entries <= capacity;
    if (!wellFormed || ownDepth > MAX_DEPTH || ownDepth !== (depth ?? ownDepth)) damaged();
    for (let at = EXTENT_ENTRY_BYTES; at <= entries * EXTENT_ENTRY_BYTES; at += EXTENT_ENTRY_BYTES) {
      if (ownDepth > 0) {
        yield* walk(await readNode(childOf(node, at)), ownDepth - 1);
        continue;
      }
      const { extent, written } = extentAt(node, at);
      if (extent.logical < nextLogical || extent.physical + extent.blocks > volume.blocks) damaged();
      if (extent.blocks === 0 || extent.physical === 0) damaged();
      nextLogical = extent.logical + extent.blocks;
      if (written) yield extent;
    }
  }

  async function readNode(block: number): Promise<Buffer> {
    // Every block belongs to one node of one tree: whoever has more of them goes in circles.
    visited += 1;
    if (visited > volume.blocks) damaged();
    const bytes = await readBlock(volume, block);
    const end = (1 + EXTENTS_PER_BLOCK) * EXTENT_ENTRY_BYTES;
    if (crc32c(inode.seed, bytes, 0, end) !== bytes.readUInt32LE(end)) damaged();
    return bytes.subarray(0, BLOCK_BYTES - 4);
  }

  function damaged(): never {
    return refuse(`the extents of inode ${inode.number} are damaged`);
  }

  yield* walk(inode.block, undefined);
}

function childOf(node: Buffer, at: number): number {
  return (
    node.readUInt32LE(at + EXTENT_INDEX.childLow) + node.readUInt16LE(at + EXTENT_INDEX.childHigh) * 2 ** 32
  );
}

function extentAt(node: Buffer, at: number): { readonly extent: Extent; readonly written: boolean } {
  const length = node.readUInt16LE(at + EXTENT.blocks);
  const written = length <= MAX_EXTENT_BLOCKS;
  return {
    written,
    extent: {
      logical: node.readUInt32LE(at + EXTENT.logical),
      blocks: written ? length : length - MAX_EXTENT_BLOCKS,
      physical:
        node.readUInt32LE(at + EXTENT.physicalLow) + node.readUInt16LE(at + EXTENT.physicalHigh) * 2 ** 32,
    },
  };
}
