import {
  BLOCK_BYTES,
  FEATURE_COMPAT,
  type FormatVersion,
  HEADER,
  HEADER_FLAG_HAS_ACL,
  HEADER_MAGIC,
  HEADER_VERSION,
  INODE_SLOT_BYTES,
  INODE_TABLE_OFFSET,
  SUPERBLOCK,
  SUPERBLOCK_MAGIC,
} from './format.ts';
import { type ImageView, malformed } from './image-view.ts';

/** What the start of an image says about the rest. */
export interface Superblock {
  readonly formatVersion: FormatVersion;
  /** Some inode has a POSIX access list. */
  readonly hasAcl: boolean;
  /** Byte offset of the root's inode. */
  readonly rootOffset: number;
  readonly inodeCount: number;
  /** mtime of every compact inode. */
  readonly buildTimeSec: number;
  readonly buildTimeNsec: number;
  /** Byte offset shared attribute references count from. */
  readonly sharedBase: number;
}

/** Reads header and superblock; every field that has one value must have it. */
export function readSuperblock(image: ImageView): Superblock {
  const formatVersion = readHeader(image);
  const at = SUPERBLOCK.offset;
  expect(image.u32(at + SUPERBLOCK.magic), SUPERBLOCK_MAGIC, at, 'this is no EROFS file system');
  expect(image.u32(at + SUPERBLOCK.checksum), 0, at + SUPERBLOCK.checksum, 'a checksum is set');
  expect(
    image.u32(at + SUPERBLOCK.featureCompat),
    FEATURE_COMPAT,
    at + SUPERBLOCK.featureCompat,
    'the features are not those of composefs',
  );
  expect(
    image.u8(at + SUPERBLOCK.blockBits),
    Math.log2(BLOCK_BYTES),
    at + SUPERBLOCK.blockBits,
    'blocks are not of 4096 bytes',
  );
  image.zeros(at + SUPERBLOCK.blockBits + 1, 1);
  image.zeros(at + SUPERBLOCK.metaBlock, 4);
  image.zeros(at + SUPERBLOCK.xattrBlock + 4, SUPERBLOCK.sizeBytes - SUPERBLOCK.xattrBlock - 4);
  expect(
    image.u32(at + SUPERBLOCK.blockCount) * BLOCK_BYTES,
    image.sizeBytes,
    at + SUPERBLOCK.blockCount,
    'the image is longer or shorter than it says',
  );
  const buildTimeNsec = image.u32(at + SUPERBLOCK.buildTimeNsec);
  if (buildTimeNsec > 999_999_999) throw malformed(at + SUPERBLOCK.buildTimeNsec, 'no such time');
  const rootOffset = image.u16(at + SUPERBLOCK.rootNid) * INODE_SLOT_BYTES;
  if (rootOffset < INODE_TABLE_OFFSET) throw malformed(at + SUPERBLOCK.rootNid, 'the root is no inode');
  return {
    formatVersion,
    hasAcl: image.u32(HEADER.flags) === HEADER_FLAG_HAS_ACL,
    rootOffset,
    inodeCount: image.u64(at + SUPERBLOCK.inodeCount),
    buildTimeSec: image.i64(at + SUPERBLOCK.buildTimeSec),
    buildTimeNsec,
    sharedBase: image.u32(at + SUPERBLOCK.xattrBlock) * BLOCK_BYTES,
  };
}

function readHeader(image: ImageView): FormatVersion {
  expect(image.u32(HEADER.magic), HEADER_MAGIC, HEADER.magic, 'this is no composefs image');
  expect(image.u32(HEADER.version), HEADER_VERSION, HEADER.version, 'the header has an unknown version');
  const flags = image.u32(HEADER.flags);
  if ((flags & ~HEADER_FLAG_HAS_ACL) !== 0) throw malformed(HEADER.flags, 'the header has unknown flags');
  const formatVersion = image.u32(HEADER.formatVersion);
  if (formatVersion !== 0 && formatVersion !== 1) {
    throw malformed(HEADER.formatVersion, `format version ${formatVersion} is not known`);
  }
  image.zeros(HEADER.formatVersion + 4, SUPERBLOCK.offset - HEADER.formatVersion - 4);
  return formatVersion;
}

function expect(actual: number, expected: number, offset: number, why: string): void {
  if (actual !== expected) throw malformed(offset, why);
}
