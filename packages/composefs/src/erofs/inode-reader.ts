import {
  BLOCK_BYTES,
  COMPACT_INODE,
  DATA_LAYOUT,
  EXTENDED_INODE,
  FILE_TYPE,
  type FileType,
  INODE,
  INODE_SLOT_BYTES,
  INODE_TABLE_OFFSET,
  MODE_TYPE,
} from './format.ts';
import { type ImageView, malformed } from './image-view.ts';
import type { Superblock } from './superblock.ts';
import { digestOfObjectBody } from './xattr-body.ts';
import type { AttributeReader, StoredAttributes } from './xattr-reader.ts';

/** An inode as stored. */
export interface StoredInode {
  /** Byte offset in the image; divided by 32, the nid. */
  readonly offset: number;
  readonly fileType: FileType;
  readonly ino: number;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly nlink: number;
  readonly mtimeSec: number;
  readonly mtimeNsec: number;
  readonly sizeBytes: number;
  readonly layout: (typeof DATA_LAYOUT)[keyof typeof DATA_LAYOUT];
  /** `i_u`. */
  readonly data: number;
  readonly attributes: StoredAttributes;
  /** The digest of the object of a file that has nothing but it; `attributes` is empty then. */
  readonly object: Buffer | undefined;
  /** Right after the attributes. */
  readonly tailOffset: number;
}

const NO_ATTRIBUTES: StoredAttributes = new Map();

const FILE_TYPE_OF_MODE: ReadonlyMap<number, FileType> = new Map([
  [MODE_TYPE.regular, FILE_TYPE.regular],
  [MODE_TYPE.directory, FILE_TYPE.directory],
  [MODE_TYPE.characterDevice, FILE_TYPE.characterDevice],
  [MODE_TYPE.blockDevice, FILE_TYPE.blockDevice],
  [MODE_TYPE.fifo, FILE_TYPE.fifo],
  [MODE_TYPE.socket, FILE_TYPE.socket],
  [MODE_TYPE.symlink, FILE_TYPE.symlink],
]);

/** Reads the inode at a byte offset. */
export function readInode(
  image: ImageView,
  superblock: Superblock,
  attributes: AttributeReader,
  offset: number,
): StoredInode {
  if (offset < INODE_TABLE_OFFSET || offset % INODE_SLOT_BYTES !== 0) {
    throw malformed(offset, 'there is no inode');
  }
  const format = image.u16(offset + INODE.format);
  const layout = layoutOf(format, offset);
  const extended = (format & 1) === 1;
  const mode = image.u16(offset + INODE.mode);
  const fileType = FILE_TYPE_OF_MODE.get(mode & MODE_TYPE.mask);
  if (fileType === undefined) throw malformed(offset, 'an inode has no known file type');
  const xattrCount = image.u16(offset + INODE.xattrCount);
  const xattrBytes = xattrCount === 0 ? 0 : 12 + (xattrCount - 1) * 4;
  const xattrOffset = offset + (extended ? EXTENDED_INODE.sizeBytes : COMPACT_INODE.sizeBytes);
  const mayBeObject = layout === DATA_LAYOUT.chunks && fileType === FILE_TYPE.regular;
  const object = mayBeObject ? digestOfObjectBody(image, xattrOffset, xattrBytes) : undefined;
  const stored = object === undefined ? attributes.read(xattrOffset, xattrBytes) : NO_ATTRIBUTES;
  if (extended) checkExtended(image, offset);
  else checkCompact(image, offset);
  return {
    offset,
    fileType,
    ino: image.u32(offset + INODE.ino),
    mode: mode & 0o7777,
    uid: extended ? image.u32(offset + EXTENDED_INODE.uid) : image.u16(offset + COMPACT_INODE.uid),
    gid: extended ? image.u32(offset + EXTENDED_INODE.gid) : image.u16(offset + COMPACT_INODE.gid),
    nlink: extended ? image.u32(offset + EXTENDED_INODE.nlink) : image.u16(offset + COMPACT_INODE.nlink),
    sizeBytes: extended
      ? image.u64(offset + EXTENDED_INODE.fileSize)
      : image.u32(offset + COMPACT_INODE.fileSize),
    mtimeSec: extended ? image.i64(offset + EXTENDED_INODE.mtimeSec) : superblock.buildTimeSec,
    mtimeNsec: extended ? image.u32(offset + EXTENDED_INODE.mtimeNsec) : superblock.buildTimeNsec,
    layout,
    data: image.u32(offset + INODE.data),
    attributes: stored,
    object,
    tailOffset: xattrOffset + xattrBytes,
  };
}

/**
 * The data of an inode that holds its own: whole blocks and the tail after the inode.
 * One or two pieces of the image, not copied.
 */
export function storedData(image: ImageView, inode: StoredInode): readonly Buffer[] {
  const { sizeBytes, layout, data, tailOffset, offset } = inode;
  if (layout === DATA_LAYOUT.chunks) throw malformed(offset, 'an inode that holds its data has chunks');
  if (sizeBytes === 0) return [];
  const tailBytes = layout === DATA_LAYOUT.inline ? sizeBytes % BLOCK_BYTES : 0;
  if (layout === DATA_LAYOUT.inline && tailBytes === 0) throw malformed(offset, 'a tail of no bytes');
  const pieces: Buffer[] = [];
  if (sizeBytes > tailBytes) pieces.push(image.bytes(data * BLOCK_BYTES, sizeBytes - tailBytes));
  else if (data !== 0) throw malformed(offset, 'an inode without blocks has an address');
  if (tailBytes > 0) {
    if ((tailOffset % BLOCK_BYTES) + tailBytes > BLOCK_BYTES)
      throw malformed(tailOffset, 'a tail leaves its block');
    pieces.push(image.bytes(tailOffset, tailBytes));
  }
  return pieces;
}

function checkCompact(image: ImageView, offset: number): void {
  image.zeros(offset + COMPACT_INODE.fileSize + 4, 4);
  image.zeros(offset + COMPACT_INODE.gid + 2, 4);
}

function checkExtended(image: ImageView, offset: number): void {
  image.zeros(offset + INODE.mode + 2, 2);
  image.zeros(offset + EXTENDED_INODE.nlink + 4, 16);
  const mtimeNsec = image.u32(offset + EXTENDED_INODE.mtimeNsec);
  if (mtimeNsec > 999_999_999) throw malformed(offset, 'an inode has no valid time');
}

function layoutOf(format: number, offset: number): StoredInode['layout'] {
  const layout = format >> 1;
  if (layout === DATA_LAYOUT.plain || layout === DATA_LAYOUT.inline || layout === DATA_LAYOUT.chunks) {
    return layout;
  }
  throw malformed(offset, 'an inode has a data layout composefs does not use');
}
