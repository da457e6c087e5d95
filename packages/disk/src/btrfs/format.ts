/**
 * The parts of btrfs that are read and rewritten here; numbers are little-endian, offsets in bytes.
 *
 * @see btrfs documentation, "On-disk format"
 */

/** The first copy of the superblock; others do not differ in what is read here. */
export const SUPERBLOCK_OFFSET = 65_536;
export const SUPERBLOCK_BYTES = 4096;
export const SUPERBLOCK_MAGIC = '_BHRfS_M';
export const SUPERBLOCK = {
  magic: 64,
  rootTree: 80,
  chunkTree: 88,
  nodeBytes: 148,
  systemChunksBytes: 160,
  checksumKind: 196,
  systemChunks: 811,
} as const;
export const CHECKSUM_CRC32C = 0;

/** A block of a tree: this header, then keys. */
export const NODE = {
  checksum: 0,
  checked: 32,
  address: 48,
  count: 96,
  level: 100,
  headerBytes: 101,
} as const;
/** In a leaf: key, place of the item behind the header, its length. In others: key, address of a block, its generation. */
export const LEAF_ENTRY = { offset: 17, length: 21, bytes: 25 } as const;
export const BRANCH_ENTRY = { address: 17, bytes: 33 } as const;
export const KEY = { objectId: 0, kind: 8, offset: 9, bytes: 17 } as const;

export const ITEM_KIND = { inode: 1, attribute: 24, directoryIndex: 96, root: 132, chunk: 228 } as const;

export const CHUNK = {
  length: 0,
  profile: 24,
  stripes: 44,
  firstStripe: 48,
  stripeBytes: 32,
  stripeOffset: 8,
} as const;
/** What a chunk may be to be whole in each of its stripes: data, system, metadata; once or twice on one device. */
export const WHOLE_COPY_PROFILES: number = 0x1 | 0x2 | 0x4 | 0x20;

export const ROOT = { address: 176 } as const;
export const FILE_TREE = 5;
/** The directory at the top of a tree of files. */
export const TOP_INODE = 256;

export const INODE = {
  links: 40,
  uid: 44,
  gid: 48,
  mode: 52,
  times: [112, 124, 136, 148],
  nanoseconds: 8,
  bytes: 160,
} as const;
/** Of a name in a directory, and of an attribute, which has its value behind the name. */
export const DIRECTORY_ENTRY = { inode: 0, valueBytes: 25, nameBytes: 27, name: 30 } as const;
