import { crc32c } from '../checksum/crc32c.ts';
import { descriptorChecksum } from './checksum.ts';
import {
  BLOCK_BYTES,
  BLOCKS_PER_GROUP,
  DESCRIPTOR_BYTES,
  FLEX_GROUPS,
  GD,
  GROUP_FLAG,
  INODE_NUMBER,
} from './format.ts';
import { blocksOfGroup, flexMetadata, groupMetadata, superblockBlocks } from './geometry.ts';
import type { Ext4Plan } from './plan.ts';

/** What a block group holds. */
export interface GroupUse {
  readonly group: number;
  readonly blocks: number;
  /** Always the first ones: files are packed from the front, and metadata stands at the front of its group. */
  readonly usedBlocks: number;
  /** Always the first ones too. */
  readonly usedInodes: number;
  /** Its block bitmap is not written: all it would say follows from the superblock. */
  readonly blockUninit: boolean;
  readonly inodeUninit: boolean;
}

/** What one group of a plan holds. */
export function groupUse(plan: Ext4Plan, group: number): GroupUse {
  const { geometry, places } = plan;
  const blocks = blocksOfGroup(geometry, group);
  const isFlexFront = group % FLEX_GROUPS === 0;
  const ownBlocks = superblockBlocks(geometry, group);
  const metadata = ownBlocks + (isFlexFront ? flexMetadata(geometry, group / FLEX_GROUPS).blocks : 0);
  const below = Math.min(Math.max(0, places.firstFreeBlock - group * BLOCKS_PER_GROUP), blocks);
  const usedBlocks = Math.max(metadata, below);
  const usedInodes = Math.min(
    Math.max(0, lastInode(plan) - group * geometry.inodesPerGroup),
    geometry.inodesPerGroup,
  );
  // The last group may be short, which a bitmap made up by the kernel would not know in every version.
  const blockUninit = usedBlocks === ownBlocks && !isFlexFront && group !== geometry.groups - 1;
  return { group, blocks, usedBlocks, usedInodes, blockUninit, inodeUninit: usedInodes === 0 };
}

/** The highest inode number in use; every one below is too. */
export function lastInode(plan: Ext4Plan): number {
  return INODE_NUMBER.firstFree - 2 + plan.tree.count;
}

/** A bitmap block with the first `used` of `total` bits set, and all that stand for nothing. */
export function encodeBitmap(used: number, total: number): Buffer {
  const bytes = Buffer.alloc(BLOCK_BYTES);
  setBits(bytes, 0, used);
  setBits(bytes, total, BLOCK_BYTES * 8);
  return bytes;
}

function setBits(bytes: Buffer, from: number, to: number): void {
  const firstWhole = Math.ceil(from / 8);
  const lastWhole = Math.floor(to / 8);
  if (lastWhole > firstWhole) bytes.fill(0xff, firstWhole, lastWhole);
  for (let bit = from; bit < to; bit += 1) {
    if (bit === firstWhole * 8 && lastWhole > firstWhole) bit = lastWhole * 8;
    if (bit < to) bytes.writeUInt8(bytes.readUInt8(bit >> 3) | (1 << (bit & 7)), bit >> 3);
  }
}

/** All group descriptors, padded to whole blocks. */
export function encodeDescriptors(plan: Ext4Plan): Buffer {
  const { geometry } = plan;
  const bytes = Buffer.alloc(geometry.descriptorBlocks * BLOCK_BYTES);
  const directories = countDirectories(plan);
  for (let group = 0; group < geometry.groups; group += 1) {
    const descriptor = bytes.subarray(group * DESCRIPTOR_BYTES, (group + 1) * DESCRIPTOR_BYTES);
    encodeDescriptor(descriptor, plan, groupUse(plan, group), directories.get(group) ?? 0);
  }
  return bytes;
}

function encodeDescriptor(bytes: Buffer, plan: Ext4Plan, use: GroupUse, directories: number): void {
  const { geometry, seed } = plan;
  const place = groupMetadata(geometry, use.group);
  writeSplit(bytes, GD.blockBitmap, GD.blockBitmapHigh, place.blockBitmap);
  writeSplit(bytes, GD.inodeBitmap, GD.inodeBitmapHigh, place.inodeBitmap);
  writeSplit(bytes, GD.inodeTable, GD.inodeTableHigh, place.inodeTable);
  bytes.writeUInt16LE(use.blocks - use.usedBlocks, GD.freeBlocks);
  bytes.writeUInt16LE(geometry.inodesPerGroup - use.usedInodes, GD.freeInodes);
  bytes.writeUInt16LE(directories, GD.directories);
  // The disk reads as zeros where nothing was written, so every inode table is zeroed.
  const flags =
    GROUP_FLAG.inodeTableZeroed |
    (use.blockUninit ? GROUP_FLAG.blockUninit : 0) |
    (use.inodeUninit ? GROUP_FLAG.inodeUninit : 0);
  bytes.writeUInt16LE(flags, GD.flags);
  if (!use.blockUninit) {
    const checksum = crc32c(seed, encodeBitmap(use.usedBlocks, use.blocks));
    writeChecksum(bytes, GD.blockBitmapChecksum, GD.blockBitmapChecksumHigh, checksum);
  }
  if (!use.inodeUninit) {
    const bitmap = encodeBitmap(use.usedInodes, geometry.inodesPerGroup);
    const checksum = crc32c(seed, bitmap, 0, geometry.inodesPerGroup / 8);
    writeChecksum(bytes, GD.inodeBitmapChecksum, GD.inodeBitmapChecksumHigh, checksum);
  }
  bytes.writeUInt16LE(geometry.inodesPerGroup - use.usedInodes, GD.unusedInodes);
  bytes.writeUInt16LE(descriptorChecksum(seed, use.group, bytes), GD.checksum);
}

function writeSplit(bytes: Buffer, lowAt: number, highAt: number, block: number): void {
  bytes.writeUInt32LE(block % 2 ** 32, lowAt);
  bytes.writeUInt32LE(Math.floor(block / 2 ** 32), highAt);
}

function writeChecksum(bytes: Buffer, lowAt: number, highAt: number, checksum: number): void {
  bytes.writeUInt16LE(checksum & 0xffff, lowAt);
  bytes.writeUInt16LE(checksum >>> 16, highAt);
}

function countDirectories({ geometry, tree }: Ext4Plan): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (const inode of tree.directories.keys()) {
    const group = Math.floor((tree.number(inode) - 1) / geometry.inodesPerGroup);
    counts.set(group, (counts.get(group) ?? 0) + 1);
  }
  return counts;
}
