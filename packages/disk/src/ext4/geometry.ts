import { roundUp, SlipwayError } from '@slipway/core';
import {
  ADDRESSES_PER_BLOCK,
  BLOCK_BYTES,
  BLOCKS_PER_GROUP,
  DESCRIPTORS_PER_BLOCK,
  FLEX_GROUPS,
  INODES_PER_BLOCK,
} from './format.ts';

/** The shape of a file system, from its size and the number of its inodes alone. */
export interface Ext4Geometry {
  readonly blocks: number;
  readonly groups: number;
  readonly inodesPerGroup: number;
  readonly inodeTableBlocks: number;
  /** Blocks of group descriptors after each superblock. */
  readonly descriptorBlocks: number;
  /** Blocks kept free after them, so that descriptors of a grown file system have a place. */
  readonly reservedDescriptorBlocks: number;
}

/** A run of blocks. */
export interface BlockRange {
  readonly start: number;
  readonly blocks: number;
}

/** What shapes a file system. */
export interface GeometryRequest {
  readonly sizeBytes: number;
  readonly neededInodes: number;
  readonly bytesPerInode: number;
}

/** A last group smaller than its own metadata and this is left off. */
const SMALLEST_GROUP_REST_BLOCKS = 50;
const MAX_GROWTH = 1024;
const MAX_BLOCKS = 2 ** 34;
const MAX_INODES = 0xffffffff;

/**
 * The geometry of a file system in the manner of mke2fs: groups of 128 MiB, metadata of sixteen of them together, room
 * for the descriptors of a file system 1024 times as large (8 TiB at most; kernels grow further with meta_bg).
 *
 * @throws SlipwayError DISK_TOO_SMALL, or DISK_INVALID for more than 64 TiB
 */
export function ext4Geometry({ sizeBytes, neededInodes, bytesPerInode }: GeometryRequest): Ext4Geometry {
  let blocks = Math.floor(sizeBytes / BLOCK_BYTES);
  if (blocks > MAX_BLOCKS)
    throw new SlipwayError('DISK_INVALID', `cannot make an ext4 of ${sizeBytes} bytes`);
  for (;;) {
    const geometry = geometryOf(blocks, Math.max(neededInodes, Math.floor(sizeBytes / bytesPerInode)));
    if (geometry === undefined || geometry.inodesPerGroup * geometry.groups < neededInodes) {
      throw new SlipwayError(
        'DISK_TOO_SMALL',
        `cannot make an ext4 of ${sizeBytes} bytes: no room for its inodes`,
        {
          details: { sizeBytes, neededInodes },
        },
      );
    }
    const last = geometry.groups - 1;
    const rest = blocks - last * BLOCKS_PER_GROUP;
    const needed =
      superblockBlocks(geometry, last) + 2 + geometry.inodeTableBlocks + SMALLEST_GROUP_REST_BLOCKS;
    if (rest >= needed) return geometry;
    blocks = last * BLOCKS_PER_GROUP;
  }
}

function geometryOf(blocks: number, wantedInodes: number): Ext4Geometry | undefined {
  const groups = Math.ceil(blocks / BLOCKS_PER_GROUP);
  if (groups === 0) return undefined;
  const descriptorBlocks = Math.ceil(groups / DESCRIPTORS_PER_BLOCK);
  const reservedDescriptorBlocks = reservedDescriptors(blocks, descriptorBlocks);
  // All metadata of a flex group must fit into its first group, before the next one's superblock.
  const front = 1 + descriptorBlocks + reservedDescriptorBlocks + 2 * FLEX_GROUPS;
  const mostTableBlocks = Math.floor((BLOCKS_PER_GROUP - front) / FLEX_GROUPS);
  const perGroup = roundUp(Math.ceil(wantedInodes / groups), INODES_PER_BLOCK);
  const mostPerGroup = Math.floor(MAX_INODES / groups / INODES_PER_BLOCK) * INODES_PER_BLOCK;
  const inodesPerGroup = Math.min(perGroup, mostPerGroup, mostTableBlocks * INODES_PER_BLOCK);
  const inodeTableBlocks = inodesPerGroup / INODES_PER_BLOCK;
  return { blocks, groups, inodesPerGroup, inodeTableBlocks, descriptorBlocks, reservedDescriptorBlocks };
}

function reservedDescriptors(blocks: number, descriptorBlocks: number): number {
  // The resize inode addresses blocks with 32 bits; larger file systems grow with meta_bg only.
  if (blocks > 0xffffffff) return 0;
  const grownGroups = Math.ceil(Math.min(blocks * MAX_GROWTH, 0xffffffff) / BLOCKS_PER_GROUP);
  const grownBlocks = Math.ceil(grownGroups / DESCRIPTORS_PER_BLOCK);
  return Math.min(Math.max(0, grownBlocks - descriptorBlocks), ADDRESSES_PER_BLOCK);
}

/** Whether a group begins with a copy of the superblock (`sparse_super`): 0, 1 and the powers of 3, 5 and 7. */
export function hasSuperblock(group: number): boolean {
  return group <= 1 || isPowerOf(group, 3) || isPowerOf(group, 5) || isPowerOf(group, 7);
}

function isPowerOf(value: number, base: number): boolean {
  let power = base;
  while (power < value) power *= base;
  return power === value;
}

/** Blocks at the front of a group for superblock, descriptors and their reserve: 0 for most. */
export function superblockBlocks(geometry: Ext4Geometry, group: number): number {
  return hasSuperblock(group) ? 1 + geometry.descriptorBlocks + geometry.reservedDescriptorBlocks : 0;
}

/** Blocks of one group: fewer in the last. */
export function blocksOfGroup(geometry: Ext4Geometry, group: number): number {
  return Math.min(BLOCKS_PER_GROUP, geometry.blocks - group * BLOCKS_PER_GROUP);
}

/** Where the bitmaps and the inode table of a group stand. */
export interface GroupMetadata {
  readonly blockBitmap: number;
  readonly inodeBitmap: number;
  readonly inodeTable: number;
}

/** Block bitmaps of a flex group, then its inode bitmaps, then its inode tables: each kind in one run. */
export function groupMetadata(geometry: Ext4Geometry, group: number): GroupMetadata {
  const range = flexMetadata(geometry, Math.floor(group / FLEX_GROUPS));
  const members = flexMembers(geometry, Math.floor(group / FLEX_GROUPS));
  const index = group % FLEX_GROUPS;
  return {
    blockBitmap: range.start + index,
    inodeBitmap: range.start + members + index,
    inodeTable: range.start + 2 * members + index * geometry.inodeTableBlocks,
  };
}

/** The run of metadata of one flex group. */
export function flexMetadata(geometry: Ext4Geometry, flex: number): BlockRange {
  const first = flex * FLEX_GROUPS;
  const members = flexMembers(geometry, flex);
  return {
    start: first * BLOCKS_PER_GROUP + superblockBlocks(geometry, first),
    blocks: members * (2 + geometry.inodeTableBlocks),
  };
}

function flexMembers(geometry: Ext4Geometry, flex: number): number {
  return Math.min(FLEX_GROUPS, geometry.groups - flex * FLEX_GROUPS);
}

/** Every run of blocks that no file may have, ascending, neighbours joined. */
export function metadataRanges(geometry: Ext4Geometry): readonly BlockRange[] {
  const ranges: BlockRange[] = [];
  for (let group = 0; group < geometry.groups; group += 1) {
    const isFlexFront = group % FLEX_GROUPS === 0;
    const ownBlocks = superblockBlocks(geometry, group);
    const blocks = ownBlocks + (isFlexFront ? flexMetadata(geometry, group / FLEX_GROUPS).blocks : 0);
    if (blocks > 0) ranges.push({ start: group * BLOCKS_PER_GROUP, blocks });
  }
  return ranges;
}
