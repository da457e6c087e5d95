/**
 * Constants of ext4 on disk, from the kernel's documentation (Documentation/filesystems/ext4). Everything is
 * little-endian; offsets are bytes within the structure named. Block size 4096, inode size 256, descriptors of 64 bytes.
 */

export const BLOCK_BYTES = 4096;
export const INODE_BYTES = 256;
export const DESCRIPTOR_BYTES = 64;
export const SUPERBLOCK_BYTES = 1024;
/** Of the primary superblock within its block; copies stand at the start of theirs. */
export const SUPERBLOCK_OFFSET = 1024;
/** One block of bitmap describes one group. */
export const BLOCKS_PER_GROUP: number = BLOCK_BYTES * 8;
export const INODES_PER_BLOCK: number = BLOCK_BYTES / INODE_BYTES;
export const DESCRIPTORS_PER_BLOCK: number = BLOCK_BYTES / DESCRIPTOR_BYTES;
/** Groups whose bitmaps and inode tables stand together at the front of the first of them. */
export const FLEX_GROUPS = 16;
export const FLEX_GROUPS_LOG = 4;
export const ADDRESSES_PER_BLOCK: number = BLOCK_BYTES / 4;
/** Links are counted in 512 bytes whatever the block size is. */
export const UNITS_PER_BLOCK: number = BLOCK_BYTES / 512;

export const MAGIC = 0xef53;

export const INODE_NUMBER = { root: 2, resize: 7, journal: 8, firstFree: 11 } as const;

export const COMPAT = { hasJournal: 0x4, extAttr: 0x8, resizeInode: 0x10, dirIndex: 0x20 } as const;
export const INCOMPAT = {
  filetype: 0x2,
  recover: 0x4,
  metaBg: 0x10,
  extents: 0x40,
  sixtyFourBit: 0x80,
  flexBg: 0x200,
  eaInode: 0x400,
  checksumSeed: 0x2000,
  largeDir: 0x4000,
  inlineData: 0x8000,
} as const;
export const RO_COMPAT = {
  sparseSuper: 0x1,
  largeFile: 0x2,
  hugeFile: 0x8,
  groupChecksum: 0x10,
  dirNlink: 0x20,
  extraIsize: 0x40,
  metadataChecksum: 0x400,
  verity: 0x8000,
} as const;

/** Offsets in the superblock. */
export const SB = {
  inodes: 0x00,
  blocksLow: 0x04,
  reservedLow: 0x08,
  freeBlocksLow: 0x0c,
  freeInodes: 0x10,
  firstDataBlock: 0x14,
  blockSizeLog: 0x18,
  clusterSizeLog: 0x1c,
  blocksPerGroup: 0x20,
  clustersPerGroup: 0x24,
  inodesPerGroup: 0x28,
  mountTime: 0x2c,
  writeTime: 0x30,
  maxMounts: 0x36,
  magic: 0x38,
  state: 0x3a,
  errors: 0x3c,
  checkTime: 0x40,
  revision: 0x4c,
  firstInode: 0x54,
  inodeBytes: 0x58,
  ownGroup: 0x5a,
  compat: 0x5c,
  incompat: 0x60,
  roCompat: 0x64,
  uuid: 0x68,
  label: 0x78,
  reservedDescriptors: 0xce,
  journalInode: 0xe0,
  hashSeed: 0xec,
  hashVersion: 0xfc,
  journalBackupType: 0xfd,
  descriptorBytes: 0xfe,
  defaultMountOptions: 0x100,
  makeTime: 0x108,
  journalBackup: 0x10c,
  blocksHigh: 0x150,
  reservedHigh: 0x154,
  freeBlocksHigh: 0x158,
  minExtraBytes: 0x15c,
  wantExtraBytes: 0x15e,
  flags: 0x160,
  flexGroupsLog: 0x174,
  checksumType: 0x175,
  checksumSeed: 0x270,
  writeTimeHigh: 0x274,
  makeTimeHigh: 0x276,
  checkTimeHigh: 0x277,
  checksum: 0x3fc,
} as const;

export const LABEL_BYTES = 16;
export const STATE_CLEAN = 1;
export const ERRORS_CONTINUE = 1;
export const HASH_HALF_MD4 = 1;
/** Directory hashes take name bytes as signed, whatever machine mounts the file system. */
export const FLAG_SIGNED_HASH = 1;
export const CHECKSUM_CRC32C = 1;
/** Mount options on by default: user xattrs and ACLs. */
export const DEFAULT_MOUNT_OPTIONS = 0xc;

/** Offsets in a group descriptor; the high halves follow 0x20 further. */
export const GD = {
  blockBitmap: 0x00,
  inodeBitmap: 0x04,
  inodeTable: 0x08,
  freeBlocks: 0x0c,
  freeInodes: 0x0e,
  directories: 0x10,
  flags: 0x12,
  blockBitmapChecksum: 0x18,
  inodeBitmapChecksum: 0x1a,
  unusedInodes: 0x1c,
  checksum: 0x1e,
  blockBitmapHigh: 0x20,
  inodeBitmapHigh: 0x24,
  inodeTableHigh: 0x28,
  blockBitmapChecksumHigh: 0x38,
  inodeBitmapChecksumHigh: 0x3a,
} as const;

export const GROUP_FLAG = { inodeUninit: 1, blockUninit: 2, inodeTableZeroed: 4 } as const;

/** Offsets in an inode. */
export const INODE = {
  mode: 0x00,
  uid: 0x02,
  sizeLow: 0x04,
  accessTime: 0x08,
  changeTime: 0x0c,
  modifyTime: 0x10,
  gid: 0x18,
  links: 0x1a,
  unitsLow: 0x1c,
  flags: 0x20,
  block: 0x28,
  generation: 0x64,
  xattrBlockLow: 0x68,
  sizeHigh: 0x6c,
  unitsHigh: 0x74,
  xattrBlockHigh: 0x76,
  uidHigh: 0x78,
  gidHigh: 0x7a,
  checksumLow: 0x7c,
  extraBytes: 0x80,
  checksumHigh: 0x82,
  changeTimeExtra: 0x84,
  modifyTimeExtra: 0x88,
  accessTimeExtra: 0x8c,
  createTime: 0x90,
  createTimeExtra: 0x94,
} as const;

/** Bytes of `i_block`: extents, device number or the target of a fast symlink. */
export const INLINE_BLOCK_BYTES = 60;
/** Fixed part of an inode, and what Slipway declares used after it; xattrs follow. */
export const INODE_BASE_BYTES = 128;
export const INODE_EXTRA_BYTES = 32;

export const INODE_FLAG = {
  index: 0x1000,
  extents: 0x80000,
  verity: 0x100000,
  inlineData: 0x10000000,
} as const;

/** Types in directory entries. */
export const ENTRY_TYPE = {
  file: 1,
  directory: 2,
  'character-device': 3,
  'block-device': 4,
  fifo: 5,
  socket: 6,
  symlink: 7,
} as const;
/** What a directory block ends with: a false entry of 12 bytes that holds its checksum. */
export const ENTRY_TYPE_CHECKSUM = 0xde;
export const DIRECTORY_TAIL_BYTES = 12;
export const DIRENT = { inode: 0, recordBytes: 4, nameBytes: 6, type: 7, name: 8 } as const;
/** Past this many links a directory counts one: too many to count (`dir_nlink`). */
export const MAX_LINKS = 65_000;

export const EXTENT_MAGIC = 0xf30a;
export const EXTENT_ENTRY_BYTES = 12;
/** Longer ones would mean "allocated but unwritten". */
export const MAX_EXTENT_BLOCKS = 32_768;
export const EXTENTS_IN_INODE = 4;
export const EXTENTS_PER_BLOCK = 340;
export const EXTENT_HEADER = { magic: 0, entries: 2, capacity: 4, depth: 6 } as const;
export const EXTENT = { logical: 0, blocks: 4, physicalHigh: 6, physicalLow: 8 } as const;
export const EXTENT_INDEX = { logical: 0, childLow: 4, childHigh: 8 } as const;

/** Logical block numbers are 32 bits and the last one is reserved. */
export const MAX_FILE_BLOCKS = 0xfffffffe;

export const XATTR_MAGIC = 0xea020000;
export const XATTR_BLOCK_HEADER_BYTES = 32;
export const XATTR_ENTRY_BYTES = 16;
export const XATTR_ENTRY = {
  nameBytes: 0,
  nameIndex: 1,
  valueOffset: 2,
  valueInode: 4,
  valueBytes: 8,
  hash: 12,
} as const;
export const XATTR_BLOCK = { magic: 0, references: 4, blocks: 8, hash: 12, checksum: 16 } as const;
