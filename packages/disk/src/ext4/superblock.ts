import { uuidBytes } from '../uuid.ts';
import { inodeSeed, superblockChecksum } from './checksum.ts';
import { encodeExtents } from './extent.ts';
import {
  BLOCK_BYTES,
  BLOCKS_PER_GROUP,
  CHECKSUM_CRC32C,
  COMPAT,
  DEFAULT_MOUNT_OPTIONS,
  DESCRIPTOR_BYTES,
  ERRORS_CONTINUE,
  FLAG_SIGNED_HASH,
  FLEX_GROUPS_LOG,
  HASH_HALF_MD4,
  INCOMPAT,
  INODE_BYTES,
  INODE_EXTRA_BYTES,
  INODE_NUMBER,
  MAGIC,
  RO_COMPAT,
  SB,
  STATE_CLEAN,
  SUPERBLOCK_BYTES,
} from './format.ts';
import { groupUse, lastInode } from './groups.ts';
import { hashSeedOf } from './name-hash.ts';
import type { Ext4Plan } from './plan.ts';

const REVISION_DYNAMIC = 1;
const JOURNAL_BACKUP_BLOCKS = 1;
const NO_MOUNT_LIMIT = 0xffff;

/** The superblock of the primary (group 0) or of a copy, 1024 bytes. */
export type SuperblockOf = (group: number) => Buffer;

/** Encodes what all copies share once; each copy then differs in its group and its checksum. */
export function superblockEncoder(plan: Ext4Plan): SuperblockOf {
  const shared = encodeShared(plan);
  return (group) => {
    const bytes = Buffer.from(shared);
    bytes.writeUInt16LE(Math.min(group, 0xffff), SB.ownGroup);
    bytes.writeUInt32LE(superblockChecksum(bytes), SB.checksum);
    return bytes;
  };
}

function encodeShared(plan: Ext4Plan): Buffer {
  const { geometry } = plan;
  const bytes = Buffer.alloc(SUPERBLOCK_BYTES);
  const inodes = geometry.groups * geometry.inodesPerGroup;
  bytes.writeUInt32LE(inodes, SB.inodes);
  bytes.writeUInt32LE(inodes - lastInode(plan), SB.freeInodes);
  writeSplit(bytes, SB.blocksLow, SB.blocksHigh, geometry.blocks);
  writeSplit(bytes, SB.reservedLow, SB.reservedHigh, plan.reservedBlocks);
  writeSplit(bytes, SB.freeBlocksLow, SB.freeBlocksHigh, countFreeBlocks(plan));
  bytes.writeUInt32LE(Math.log2(BLOCK_BYTES) - 10, SB.blockSizeLog);
  bytes.writeUInt32LE(Math.log2(BLOCK_BYTES) - 10, SB.clusterSizeLog);
  bytes.writeUInt32LE(BLOCKS_PER_GROUP, SB.blocksPerGroup);
  bytes.writeUInt32LE(BLOCKS_PER_GROUP, SB.clustersPerGroup);
  bytes.writeUInt32LE(geometry.inodesPerGroup, SB.inodesPerGroup);
  bytes.writeUInt16LE(NO_MOUNT_LIMIT, SB.maxMounts);
  bytes.writeUInt16LE(MAGIC, SB.magic);
  bytes.writeUInt16LE(STATE_CLEAN, SB.state);
  bytes.writeUInt16LE(ERRORS_CONTINUE, SB.errors);
  bytes.writeUInt32LE(REVISION_DYNAMIC, SB.revision);
  bytes.writeUInt32LE(INODE_NUMBER.firstFree, SB.firstInode);
  bytes.writeUInt16LE(INODE_BYTES, SB.inodeBytes);
  bytes.set(uuidBytes(plan.uuid), SB.uuid);
  bytes.write(plan.label, SB.label, 'utf8');
  bytes.writeUInt16LE(geometry.reservedDescriptorBlocks, SB.reservedDescriptors);
  bytes.set(hashSeedOf(plan.uuid), SB.hashSeed);
  bytes.writeUInt8(HASH_HALF_MD4, SB.hashVersion);
  bytes.writeUInt16LE(DESCRIPTOR_BYTES, SB.descriptorBytes);
  bytes.writeUInt32LE(DEFAULT_MOUNT_OPTIONS, SB.defaultMountOptions);
  bytes.writeUInt16LE(INODE_EXTRA_BYTES, SB.minExtraBytes);
  bytes.writeUInt16LE(INODE_EXTRA_BYTES, SB.wantExtraBytes);
  bytes.writeUInt32LE(FLAG_SIGNED_HASH, SB.flags);
  bytes.writeUInt8(FLEX_GROUPS_LOG, SB.flexGroupsLog);
  bytes.writeUInt8(CHECKSUM_CRC32C, SB.checksumType);
  writeFeatures(bytes, plan);
  writeTimes(bytes, plan.timeSec);
  writeJournal(bytes, plan);
  return bytes;
}

function writeFeatures(bytes: Buffer, { geometry, places }: Ext4Plan): void {
  bytes.writeUInt32LE(
    COMPAT.extAttr |
      COMPAT.dirIndex |
      (places.journal.blocks > 0 ? COMPAT.hasJournal : 0) |
      (geometry.reservedDescriptorBlocks > 0 ? COMPAT.resizeInode : 0),
    SB.compat,
  );
  bytes.writeUInt32LE(
    INCOMPAT.filetype | INCOMPAT.extents | INCOMPAT.sixtyFourBit | INCOMPAT.flexBg,
    SB.incompat,
  );
  bytes.writeUInt32LE(
    RO_COMPAT.sparseSuper |
      RO_COMPAT.largeFile |
      RO_COMPAT.hugeFile |
      RO_COMPAT.dirNlink |
      RO_COMPAT.extraIsize |
      RO_COMPAT.metadataChecksum |
      RO_COMPAT.verity,
    SB.roCompat,
  );
}

function writeTimes(bytes: Buffer, timeSec: number): void {
  const high = Math.floor(timeSec / 2 ** 32) & 0xff;
  for (const at of [SB.writeTime, SB.checkTime, SB.makeTime]) bytes.writeUInt32LE(timeSec % 2 ** 32, at);
  for (const at of [SB.writeTimeHigh, SB.checkTimeHigh, SB.makeTimeHigh]) bytes.writeUInt8(high, at);
}

/** The superblock repeats the journal inode's map and size, for a check that finds the inode damaged. */
function writeJournal(bytes: Buffer, { places: { journal }, seed }: Ext4Plan): void {
  if (journal.blocks === 0) return;
  const sizeBytes = journal.blocks * BLOCK_BYTES;
  bytes.writeUInt32LE(INODE_NUMBER.journal, SB.journalInode);
  bytes.writeUInt8(JOURNAL_BACKUP_BLOCKS, SB.journalBackupType);
  const { root } = encodeExtents(journal.map, inodeSeed(seed, INODE_NUMBER.journal));
  bytes.set(root, SB.journalBackup);
  bytes.writeUInt32LE(Math.floor(sizeBytes / 2 ** 32), SB.journalBackup + root.length);
  bytes.writeUInt32LE(sizeBytes % 2 ** 32, SB.journalBackup + root.length + 4);
}

function countFreeBlocks(plan: Ext4Plan): number {
  let free = 0;
  for (let group = 0; group < plan.geometry.groups; group += 1) {
    const use = groupUse(plan, group);
    free += use.blocks - use.usedBlocks;
  }
  return free;
}

function writeSplit(bytes: Buffer, lowAt: number, highAt: number, value: number): void {
  bytes.writeUInt32LE(value % 2 ** 32, lowAt);
  bytes.writeUInt32LE(Math.floor(value / 2 ** 32), highAt);
}
