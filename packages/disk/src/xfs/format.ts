/**
 * The parts of XFS, version 5, that are read and rewritten here. Numbers are big-endian, checksums little-endian, offsets in bytes.
 *
 * @see XFS Algorithms & Data Structures
 */

export const SUPERBLOCK_BYTES = 512;
export const SUPERBLOCK_MAGIC = 'XFSB';
export const SUPERBLOCK = {
  blockBytes: 4,
  uuid: 32,
  rootInode: 56,
  groupBlocks: 84,
  version: 100,
  inodeBytes: 104,
  inodesPerBlockLog: 123,
  groupBlocksLog: 124,
  directoryBlockLog: 192,
  incompatibleFeatures: 216,
} as const;
export const VERSION_MASK = 0xf;
export const VERSION = 5;
/** Every file also holds the names it has: changing them in directories alone would not do. */
export const FEATURE_PARENT_POINTERS: number = 1 << 7;

export const UUID_BYTES = 16;

export const INODE_MAGIC = 0x494e;
export const INODE = {
  mode: 2,
  format: 5,
  uid: 8,
  gid: 12,
  /** Of access, change of content, change of status. */
  times: [32, 40, 48],
  checksum: 100,
  flags: 120,
  created: 144,
  number: 152,
  uuid: 160,
  fork: 176,
} as const;
/** The fork holds the content itself. */
export const FORMAT_LOCAL = 1;
export const FLAG_BIG_TIME: bigint = 1n << 3n;
/** Big times count nanoseconds from here, in seconds before 1970. */
export const BIG_TIME_EPOCH_SEC: bigint = 2n ** 31n;

/** A directory that fits into its inode: how many names, whether numbers are long, its parent, names. */
export const SHORT_DIRECTORY = { count: 0, longNumbers: 1, parent: 2 } as const;
export const SHORT_ENTRY = { nameBytes: 0, name: 3 } as const;

/** Blocks of directories that hold names: the only one of a directory, and one of several. */
export const SINGLE_BLOCK_MAGIC = 0x58444233;
export const DATA_BLOCK_MAGIC = 0x58444433;
export const DIRECTORY_BLOCK = { checksum: 4, sector: 8, uuid: 24, owner: 40, headerBytes: 64 } as const;
export const SECTOR_BYTES = 512;
/** At the end of an only block: how many hashes stand before it. */
export const SINGLE_BLOCK_TAIL = { bytes: 8, hashBytes: 8 } as const;
export const FREE_TAG = 0xffff;
export const FREE_ENTRY = { length: 2 } as const;
export const ENTRY = { inode: 0, nameBytes: 8, name: 9, afterName: 3, unitBytes: 8 } as const;
