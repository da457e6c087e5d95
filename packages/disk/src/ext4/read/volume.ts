import { SlipwayError } from '@slipway/core';
import type { DiskSource } from '../../device/source.ts';
import { formatUuid } from '../../uuid.ts';
import { descriptorChecksum, fileSystemSeed, superblockChecksum } from '../checksum.ts';
import {
  BLOCK_BYTES,
  BLOCKS_PER_GROUP,
  DESCRIPTOR_BYTES,
  GD,
  INCOMPAT,
  INODE_BYTES,
  MAGIC,
  RO_COMPAT,
  SB,
  SUPERBLOCK_BYTES,
  SUPERBLOCK_OFFSET,
} from '../format.ts';

/** What the superblock of an ext4 says, checked, with the source it was read from. */
export interface Ext4Volume {
  readonly source: DiskSource;
  readonly uuid: string;
  readonly label: string;
  readonly blocks: number;
  readonly freeBlocks: number;
  readonly inodes: number;
  readonly inodesPerGroup: number;
  readonly seed: number;
  readonly hasVerity: boolean;
}

/** Features whose absence or presence changes nothing this reader looks at. */
const KNOWN_INCOMPAT: number =
  INCOMPAT.filetype | INCOMPAT.extents | INCOMPAT.sixtyFourBit | INCOMPAT.flexBg | INCOMPAT.largeDir;
const NEEDED_INCOMPAT: number = INCOMPAT.filetype | INCOMPAT.extents | INCOMPAT.sixtyFourBit;

/**
 * Reads the superblock of a file system as Slipway writes it: 4 KiB blocks, extents, 64bit, metadata checksums, journal
 * with nothing to replay.
 *
 * @throws SlipwayError DISK_INVALID for anything else
 */
export async function openVolume(source: DiskSource): Promise<Ext4Volume> {
  const sb = await source.read(SUPERBLOCK_OFFSET, SUPERBLOCK_BYTES);
  if (sb.readUInt16LE(SB.magic) !== MAGIC) refuse('it is not an ext4 file system');
  const incompat = sb.readUInt32LE(SB.incompat);
  if ((incompat & INCOMPAT.recover) !== 0) refuse('its journal was not replayed');
  if ((incompat & ~KNOWN_INCOMPAT) !== 0 || (incompat & NEEDED_INCOMPAT) !== NEEDED_INCOMPAT) {
    refuse(`features 0x${incompat.toString(16)}`);
  }
  if ((sb.readUInt32LE(SB.roCompat) & RO_COMPAT.metadataChecksum) === 0)
    refuse('it has no metadata checksums');
  if (superblockChecksum(sb) !== sb.readUInt32LE(SB.checksum))
    refuse('the checksum of its superblock is wrong');
  const shape = [SB.blockSizeLog, SB.blocksPerGroup, SB.firstDataBlock].map((at) => sb.readUInt32LE(at));
  if (shape.join() !== `2,${BLOCKS_PER_GROUP},0` || sb.readUInt16LE(SB.inodeBytes) !== INODE_BYTES) {
    refuse('its blocks or inodes have another size');
  }
  if (sb.readUInt16LE(SB.descriptorBytes) !== DESCRIPTOR_BYTES)
    refuse('its group descriptors have another size');
  const uuid = formatUuid(sb.subarray(SB.uuid, SB.uuid + 16));
  const volume: Ext4Volume = {
    source,
    uuid,
    label: sb.toString('utf8', SB.label, SB.label + 16).split('\0', 1)[0] ?? '',
    blocks: readSplit(sb, SB.blocksLow, SB.blocksHigh),
    freeBlocks: readSplit(sb, SB.freeBlocksLow, SB.freeBlocksHigh),
    inodes: sb.readUInt32LE(SB.inodes),
    inodesPerGroup: sb.readUInt32LE(SB.inodesPerGroup),
    seed: fileSystemSeed(uuid),
    hasVerity: (sb.readUInt32LE(SB.roCompat) & RO_COMPAT.verity) !== 0,
  };
  if (volume.blocks * BLOCK_BYTES > source.sizeBytes) refuse('it is larger than its disk');
  const { inodesPerGroup } = volume;
  if (inodesPerGroup === 0 || inodesPerGroup > BLOCKS_PER_GROUP)
    refuse(`${inodesPerGroup} inodes in a group`);
  return volume;
}

/**
 * One block.
 *
 * @throws SlipwayError DISK_INVALID when there is no such block
 */
export async function readBlock(volume: Ext4Volume, block: number): Promise<Buffer> {
  if (block === 0 || block >= volume.blocks) refuse(`a block ${block} of ${volume.blocks}`);
  return await volume.source.read(block * BLOCK_BYTES, BLOCK_BYTES);
}

/** The 256 bytes of an inode, as they are. */
export async function readInodeBytes(volume: Ext4Volume, number: number): Promise<Buffer> {
  if (number < 1 || number > volume.inodes) refuse(`an inode ${number} of ${volume.inodes}`);
  const group = Math.floor((number - 1) / volume.inodesPerGroup);
  const descriptor = await volume.source.read(BLOCK_BYTES + group * DESCRIPTOR_BYTES, DESCRIPTOR_BYTES);
  const stored = descriptor.readUInt16LE(GD.checksum);
  descriptor.writeUInt16LE(0, GD.checksum);
  if (descriptorChecksum(volume.seed, group, descriptor) !== stored)
    refuse(`the descriptor of group ${group} is damaged`);
  const table = readSplit(descriptor, GD.inodeTable, GD.inodeTableHigh);
  const within = ((number - 1) % volume.inodesPerGroup) * INODE_BYTES;
  return await volume.source.read(table * BLOCK_BYTES + within, INODE_BYTES);
}

/** A number whose low and high 32 bits stand apart. */
export function readSplit(bytes: Buffer, lowAt: number, highAt: number): number {
  return bytes.readUInt32LE(lowAt) + bytes.readUInt32LE(highAt) * 2 ** 32;
}

/** @throws SlipwayError DISK_INVALID, always */
export function refuse(why: string): never {
  throw new SlipwayError('DISK_INVALID', `cannot read the ext4 file system: ${why}`);
}
