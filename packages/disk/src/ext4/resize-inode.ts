import {
  ADDRESSES_PER_BLOCK,
  BLOCK_BYTES,
  BLOCKS_PER_GROUP,
  INLINE_BLOCK_BYTES,
  UNITS_PER_BLOCK,
} from './format.ts';
import { type Ext4Geometry, hasSuperblock } from './geometry.ts';
import type { Ext4Plan } from './plan.ts';

/**
 * The resize inode (7) owns the blocks kept after the descriptors, so that nothing else takes them until the file system
 * grows. Its double indirect block lists the reserved blocks of group 0; each of those lists its copies in the other groups
 * with a superblock.
 */

const DIRECT_BLOCKS = 12;
const DOUBLE_INDIRECT_AT: number = (DIRECT_BLOCKS + 1) * 4;

/** The size it claims: all that direct, indirect and double indirect blocks could address. */
export function resizeInodeBytes(): number {
  return (ADDRESSES_PER_BLOCK * ADDRESSES_PER_BLOCK + ADDRESSES_PER_BLOCK + DIRECT_BLOCKS) * BLOCK_BYTES;
}

/** 512-byte units of all it owns. */
export function resizeInodeUnits({ geometry, places }: Ext4Plan): number {
  if (places.resizeBlock === 0) return 0;
  const copies = 1 + backupGroups(geometry).length;
  return (1 + geometry.reservedDescriptorBlocks * copies) * UNITS_PER_BLOCK;
}

/** Its `i_block`. */
export function encodeResizeMap({ places: { resizeBlock } }: Ext4Plan): Buffer {
  const block = Buffer.alloc(INLINE_BLOCK_BYTES);
  block.writeUInt32LE(resizeBlock, DOUBLE_INDIRECT_AT);
  return block;
}

/** Its double indirect block. */
export function encodeResizeIndex({ geometry }: Ext4Plan): Buffer {
  const bytes = Buffer.alloc(BLOCK_BYTES);
  for (let index = 0; index < geometry.reservedDescriptorBlocks; index += 1) {
    const slot = (geometry.descriptorBlocks + index) % ADDRESSES_PER_BLOCK;
    bytes.writeUInt32LE(reservedBlock(geometry, index), slot * 4);
  }
  return bytes;
}

/** All reserved blocks of group 0, each with the list of its copies. */
export function encodeReservedBlocks({ geometry }: Ext4Plan): Buffer {
  const groups = backupGroups(geometry);
  const bytes = Buffer.alloc(geometry.reservedDescriptorBlocks * BLOCK_BYTES);
  for (let index = 0; index < geometry.reservedDescriptorBlocks; index += 1) {
    for (const [slot, group] of groups.entries()) {
      const copy = reservedBlock(geometry, index) + group * BLOCKS_PER_GROUP;
      bytes.writeUInt32LE(copy, index * BLOCK_BYTES + slot * 4);
    }
  }
  return bytes;
}

/** Groups other than the first that begin with a superblock. */
export function backupGroups(geometry: Ext4Geometry): readonly number[] {
  const groups: number[] = [];
  for (let group = 1; group < geometry.groups; group += 1) if (hasSuperblock(group)) groups.push(group);
  return groups;
}

function reservedBlock(geometry: Ext4Geometry, index: number): number {
  return 1 + geometry.descriptorBlocks + index;
}
