import { crc32c } from '../checksum/crc32c.ts';
import type { BlockAllocator } from './allocator.ts';
import {
  BLOCK_BYTES,
  EXTENT,
  EXTENT_ENTRY_BYTES,
  EXTENT_HEADER,
  EXTENT_INDEX,
  EXTENT_MAGIC,
  EXTENTS_IN_INODE,
  EXTENTS_PER_BLOCK,
  INLINE_BLOCK_BYTES,
  MAX_EXTENT_BLOCKS,
} from './format.ts';

/** A run of neighbouring blocks of a file and of the disk. */
export interface Extent {
  readonly logical: number;
  readonly physical: number;
  readonly blocks: number;
}

/** A run of blocks of a file that must exist on the disk. */
export interface Stretch {
  readonly logical: number;
  readonly blocks: number;
}

/** The place of everything that belongs to one file: its data, and the blocks of its extent tree. */
export interface ExtentMap {
  readonly extents: readonly Extent[];
  /** Blocks of the tree below the inode, leaves first, level by level. */
  readonly treeBlocks: readonly number[];
}

export const NO_EXTENTS: ExtentMap = { extents: [], treeBlocks: [] };

/** Places a file: its stretches one after another, then the blocks of its extent tree. */
export function placeStretches(allocator: BlockAllocator, stretches: readonly Stretch[]): ExtentMap {
  if (stretches.length === 0) return NO_EXTENTS;
  const extents: Extent[] = [];
  for (const stretch of stretches) {
    let { logical } = stretch;
    for (const range of allocator.take(stretch.blocks)) {
      for (let done = 0; done < range.blocks; done += MAX_EXTENT_BLOCKS) {
        const blocks = Math.min(MAX_EXTENT_BLOCKS, range.blocks - done);
        extents.push({ logical, physical: range.start + done, blocks });
        logical += blocks;
      }
    }
  }
  const treeBlocks: number[] = [];
  for (let nodes = extents.length; nodes > EXTENTS_IN_INODE; ) {
    nodes = Math.ceil(nodes / EXTENTS_PER_BLOCK);
    for (let index = 0; index < nodes; index += 1) treeBlocks.push(allocator.takeOne());
  }
  return { extents, treeBlocks };
}

/** The bytes of an extent tree. */
export interface EncodedExtents {
  /** For `i_block` of the inode. */
  readonly root: Buffer;
  readonly blocks: readonly { readonly block: number; readonly bytes: Buffer }[];
}

/** One entry of a node: an extent, or a child with the first logical block below it. */
type TreeEntry =
  | { readonly kind: 'extent'; readonly logical: number; readonly extent: Extent }
  | { readonly kind: 'child'; readonly logical: number; readonly block: number };

/**
 * Encodes the tree; blocks end with a checksum seeded by the inode.
 *
 * @param seed of the inode, see `inodeSeed`
 */
export function encodeExtents(map: ExtentMap, seed: number): EncodedExtents {
  let level: readonly TreeEntry[] = map.extents.map((extent) => ({
    kind: 'extent',
    logical: extent.logical,
    extent,
  }));
  const blocks: { block: number; bytes: Buffer }[] = [];
  let depth = 0;
  while (level.length > EXTENTS_IN_INODE) {
    const parents: TreeEntry[] = [];
    for (let from = 0; from < level.length; from += EXTENTS_PER_BLOCK) {
      const entries = level.slice(from, from + EXTENTS_PER_BLOCK);
      const block = map.treeBlocks[blocks.length] ?? 0;
      const bytes = encodeNode(entries, depth, EXTENTS_PER_BLOCK, BLOCK_BYTES);
      bytes.writeUInt32LE(crc32c(seed, bytes, 0, BLOCK_BYTES - 4), BLOCK_BYTES - 4);
      blocks.push({ block, bytes });
      parents.push({ kind: 'child', logical: entries[0]?.logical ?? 0, block });
    }
    level = parents;
    depth += 1;
  }
  return { root: encodeNode(level, depth, EXTENTS_IN_INODE, INLINE_BLOCK_BYTES), blocks };
}

function encodeNode(
  entries: readonly TreeEntry[],
  depth: number,
  capacity: number,
  nodeBytes: number,
): Buffer {
  const bytes = Buffer.alloc(nodeBytes);
  bytes.writeUInt16LE(EXTENT_MAGIC, EXTENT_HEADER.magic);
  bytes.writeUInt16LE(entries.length, EXTENT_HEADER.entries);
  bytes.writeUInt16LE(capacity, EXTENT_HEADER.capacity);
  bytes.writeUInt16LE(depth, EXTENT_HEADER.depth);
  for (const [index, entry] of entries.entries()) {
    const at = (index + 1) * EXTENT_ENTRY_BYTES;
    bytes.writeUInt32LE(entry.logical, at + EXTENT.logical);
    if (entry.kind === 'extent') {
      bytes.writeUInt16LE(entry.extent.blocks, at + EXTENT.blocks);
      bytes.writeUInt16LE(Math.floor(entry.extent.physical / 2 ** 32), at + EXTENT.physicalHigh);
      bytes.writeUInt32LE(entry.extent.physical >>> 0, at + EXTENT.physicalLow);
    } else {
      bytes.writeUInt32LE(entry.block >>> 0, at + EXTENT_INDEX.childLow);
      bytes.writeUInt16LE(Math.floor(entry.block / 2 ** 32), at + EXTENT_INDEX.childHigh);
    }
  }
  return bytes;
}
