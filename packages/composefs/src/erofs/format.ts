/**
 * The bytes of a composefs EROFS image (composefs-format sections 2, 3, 6 and 7; the EROFS on-disk
 * format of the kernel). Every integer is little-endian; offsets are bytes from the start of the struct.
 */

/** Longest image read into memory; a tree of a million files makes about 200 MB. */
export const IMAGE_LIMIT_BYTES: number = 2 * 1024 * 1024 * 1024 - 1;

/** Block size of every composefs image. */
export const BLOCK_BYTES = 4096;
/** Inodes start at multiples of this; an inode's number on disk (nid) is its offset divided by it. */
export const INODE_SLOT_BYTES = 32;
/** Where the first inode stands: right after the superblock. */
export const INODE_TABLE_OFFSET = 1152;

/**
 * Format version of composefs, in the header. Version 1 differs from 0 only in two attributes on
 * directories that hold whiteouts, so 0 is written where there are none unless more is asked for.
 */
export type FormatVersion = 0 | 1;

/** The 32 bytes at offset 0, before anything EROFS looks at. */
export const HEADER = {
  sizeBytes: 32,
  /** u32, {@link HEADER_MAGIC} */
  magic: 0,
  /** u32, always 1: the outer version, which readers must know */
  version: 4,
  /** u32, {@link HEADER_FLAG_HAS_ACL} or 0 */
  flags: 8,
  /** u32, {@link FormatVersion} */
  formatVersion: 12,
} as const;

export const HEADER_MAGIC = 0xd078629a;
export const HEADER_VERSION = 1;
/** Some inode carries a POSIX ACL; without it the image is mounted `noacl`. */
export const HEADER_FLAG_HAS_ACL = 1;

/** `struct erofs_super_block`, 128 bytes at offset 1024. What is not named here is zero. */
export const SUPERBLOCK = {
  offset: 1024,
  sizeBytes: 128,
  /** u32, {@link SUPERBLOCK_MAGIC} */
  magic: 0,
  /** u32, crc32c, 0: the feature bit is not set */
  checksum: 4,
  /** u32, {@link FEATURE_COMPAT} */
  featureCompat: 8,
  /** u8, log2 of the block size: 12 */
  blockBits: 12,
  /** u16, nid of the root directory */
  rootNid: 14,
  /** u64, inodes in the image */
  inodeCount: 16,
  /** u64, seconds of the smallest mtime; what every compact inode has */
  buildTimeSec: 24,
  /** u32, its nanoseconds */
  buildTimeNsec: 32,
  /** u32, blocks of the whole image */
  blockCount: 36,
  /** u32, block nids count from: 0 */
  metaBlock: 40,
  /** u32, block shared attribute references count from */
  xattrBlock: 44,
  /** u32, 0 although chunk-based inodes are written: mount accepts it, and so it has always been */
  featureIncompat: 80,
} as const;

export const SUPERBLOCK_MAGIC = 0xe0f5e1e2;
/** mtime (2) and xattr name filters (4). */
export const FEATURE_COMPAT = 6;

/** `struct erofs_inode_compact` and `struct erofs_inode_extended`: the part both share. */
export const INODE = {
  /** u16, bit 0: extended; bits 1 to 3: data layout */
  format: 0,
  /** u16, 0 without attributes, else (body - 12) / 4 + 1 */
  xattrCount: 2,
  /** u16, type and permission */
  mode: 4,
  /** u32, device number, first data block, or chunk format and block */
  data: 16,
  /** u32, position in inode order, which `stat` shows as the inode number */
  ino: 20,
} as const;

/** 32 bytes: mtime is that of the superblock, everything fits 16 bits. */
export const COMPACT_INODE = {
  sizeBytes: 32,
  /** u16 */
  nlink: 6,
  /** u32 */
  fileSize: 8,
  /** u16 */
  uid: 24,
  /** u16 */
  gid: 26,
} as const;

/** 64 bytes. */
export const EXTENDED_INODE = {
  sizeBytes: 64,
  /** u64 */
  fileSize: 8,
  /** u32 */
  uid: 24,
  /** u32 */
  gid: 28,
  /** i64 */
  mtimeSec: 32,
  /** u32 */
  mtimeNsec: 40,
  /** u32 */
  nlink: 44,
} as const;

/** Where the bytes of an inode are. */
export const DATA_LAYOUT = {
  /** Whole blocks, or nothing. */
  plain: 0,
  /** Whole blocks, and the rest right after the inode and its attributes. */
  inline: 2,
  /** A table of chunk addresses after the inode; in composefs every one is a hole. */
  chunks: 4,
} as const;

/** Chunks are at least a block and at most 2^31 blocks: one chunk covers any file up to 8 TiB. */
export const CHUNK_BITS_MIN = 12;
export const CHUNK_BITS_MAX = 43;
/** More chunks than this are refused by the reference writer, so files end at 2^53 bytes. */
export const CHUNKS_MAX = 1024;
/** A chunk with no blocks. */
export const CHUNK_HOLE = 0xffffffff;
/** Bits of a chunk format that hold chunkbits - 12; bit 5 would mean 8-byte indexes. */
export const CHUNK_FORMAT_BITS_MASK = 0x1f;

/** A tail longer than this gets a block of its own. */
export const TAIL_BYTES_MAX = 2048;

/** Directory entry: u64 nid, u16 offset of the name, u8 type, u8 0; the names follow the last entry. */
export const DIRENT = { sizeBytes: 12, nid: 0, nameOffset: 8, fileType: 10 } as const;

/** Type byte of a directory entry. */
export const FILE_TYPE = {
  regular: 1,
  directory: 2,
  characterDevice: 3,
  blockDevice: 4,
  fifo: 5,
  socket: 6,
  symlink: 7,
} as const;
export type FileType = (typeof FILE_TYPE)[keyof typeof FILE_TYPE];

/** `S_IFMT` values of `mode`. */
export const MODE_TYPE = {
  mask: 0o170000,
  fifo: 0o010000,
  characterDevice: 0o020000,
  directory: 0o040000,
  blockDevice: 0o060000,
  regular: 0o100000,
  symlink: 0o120000,
  socket: 0o140000,
} as const;

/** The same by {@link FileType}. */
export const MODE_TYPE_OF: Readonly<Record<FileType, number>> = {
  [FILE_TYPE.regular]: MODE_TYPE.regular,
  [FILE_TYPE.directory]: MODE_TYPE.directory,
  [FILE_TYPE.characterDevice]: MODE_TYPE.characterDevice,
  [FILE_TYPE.blockDevice]: MODE_TYPE.blockDevice,
  [FILE_TYPE.fifo]: MODE_TYPE.fifo,
  [FILE_TYPE.socket]: MODE_TYPE.socket,
  [FILE_TYPE.symlink]: MODE_TYPE.symlink,
};

/** `struct erofs_xattr_ibody_header`: u32 name filter, u8 count of shared references, 7 zero bytes. */
export const XATTR_HEADER = { sizeBytes: 12, nameFilter: 0, sharedCount: 4 } as const;
/** `struct erofs_xattr_entry`: then the name without its prefix, the value, zeros to a multiple of 4. */
export const XATTR_ENTRY = { sizeBytes: 4, nameLength: 0, prefixIndex: 1, valueLength: 2 } as const;
/** Shared references an inode may hold; further shared attributes are repeated inline. */
export const XATTR_SHARED_MAX = 128;
/** The name filter hashes with this seed plus the prefix index. */
export const XATTR_FILTER_SEED = 0x25bbe08f;

/** Prefixes an attribute entry names by number. `lustre.` has number 5 but is never written with it. */
export const XATTR_PREFIXES: readonly { readonly index: number; readonly prefix: string }[] = [
  { index: 1, prefix: 'user.' },
  { index: 2, prefix: 'system.posix_acl_access' },
  { index: 3, prefix: 'system.posix_acl_default' },
  { index: 4, prefix: 'trusted.' },
  { index: 6, prefix: 'security.' },
];

/** Attributes with a meaning for the overlay that is mounted over the image, and their escapes. */
export const OVERLAY = {
  prefix: 'trusted.overlay.',
  escapedPrefix: 'trusted.overlay.overlay.',
  opaque: 'trusted.overlay.opaque',
  metacopy: 'trusted.overlay.metacopy',
  redirect: 'trusted.overlay.redirect',
  escapedWhiteout: 'trusted.overlay.overlay.whiteout',
  userWhiteout: 'user.overlay.whiteout',
  escapedWhiteouts: 'trusted.overlay.overlay.whiteouts',
  userWhiteouts: 'user.overlay.whiteouts',
  escapedOpaque: 'trusted.overlay.overlay.opaque',
  userOpaque: 'user.overlay.opaque',
} as const;

export const SELINUX_LABEL = 'security.selinux';
export const ACL_ACCESS = 'system.posix_acl_access';
export const ACL_DEFAULT = 'system.posix_acl_default';

/** Names of the whiteouts in the root that hide the directories of the object store. */
export const STUB_NAMES: readonly string[] = Array.from({ length: 256 }, (_, index) =>
  index.toString(16).padStart(2, '0'),
);

/** Limits of names and bodies; the reference tools refuse what is longer. */
export const LIMITS = {
  nameBytes: 255,
  symlinkTargetBytes: 4095,
  payloadBytes: 4095,
  inlineContentBytes: 5000,
  xattrNameBytes: 255,
  xattrValueBytes: 65535,
  /** Sum over an inode's attributes of name + value + 7, plus 12. */
  xattrTotalBytes: 32767,
} as const;
