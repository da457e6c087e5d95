import { SlipwayError } from '@slipway/core';
import { crc32c } from '../checksum/crc32c.ts';
import { aclToDisk } from './acl.ts';
import {
  BLOCK_BYTES,
  INODE_BASE_BYTES,
  INODE_BYTES,
  INODE_EXTRA_BYTES,
  XATTR_BLOCK,
  XATTR_BLOCK_HEADER_BYTES,
  XATTR_ENTRY,
  XATTR_ENTRY_BYTES,
  XATTR_MAGIC,
} from './format.ts';

/** Extended attributes: what fits stands in the inode itself, the rest in one block. */

/** Prefixes that are written as a number; the first that matches counts. */
const NAME_INDEXES: readonly { readonly prefix: string; readonly index: number; readonly whole?: boolean }[] =
  [
    { prefix: 'system.posix_acl_access', index: 2, whole: true },
    { prefix: 'system.posix_acl_default', index: 3, whole: true },
    { prefix: 'user.', index: 1 },
    { prefix: 'trusted.', index: 4 },
    { prefix: 'security.', index: 6 },
    { prefix: 'system.', index: 7 },
  ];

const MAX_NAME_BYTES = 255;
/** Room in the inode after its fields, magic and the four zero bytes that end the list. */
const INLINE_BYTES: number = INODE_BYTES - INODE_BASE_BYTES - INODE_EXTRA_BYTES;
const INLINE_ROOM_BYTES: number = INLINE_BYTES - 4 - 4;
const BLOCK_ROOM_BYTES: number = BLOCK_BYTES - XATTR_BLOCK_HEADER_BYTES - 4;

interface Attribute {
  readonly index: number;
  readonly name: Buffer;
  readonly value: Uint8Array;
}

/** The attributes of one inode as they stand on the disk. */
export interface EncodedXattrs {
  /** The 96 bytes at the end of the inode. */
  readonly inline: Buffer | undefined;
  /** The block of its own, without the checksum that depends on its place. */
  readonly block: Buffer | undefined;
}

/** Of an inode that has none. */
export const NO_XATTRS: EncodedXattrs = { inline: undefined, block: undefined };

/**
 * Encodes attributes.
 *
 * @param path for messages
 * @throws SlipwayError DISK_TREE_INVALID when a name is not supported or they are too large: about 4 kB for all of one inode
 */
export function encodeXattrs(
  xattrs: ReadonlyMap<string, Uint8Array> | undefined,
  path: () => string,
): EncodedXattrs {
  if (xattrs === undefined || xattrs.size === 0) return NO_XATTRS;
  const attributes = [...xattrs].map(([key, value]) => attributeOf(key, value, path)).sort(compareAttributes);
  const inline: Attribute[] = [];
  const block: Attribute[] = [];
  let inlineLeft = INLINE_ROOM_BYTES;
  let blockLeft = BLOCK_ROOM_BYTES;
  for (const attribute of attributes) {
    const bytes = entryBytes(attribute) + padded(attribute.value.length);
    if (bytes <= inlineLeft) {
      inline.push(attribute);
      inlineLeft -= bytes;
    } else {
      block.push(attribute);
      blockLeft -= bytes;
    }
  }
  if (blockLeft < 0) {
    throw new SlipwayError('DISK_TREE_INVALID', `cannot write ${path()}: its xattrs are too large for ext4`, {
      hint: 'all xattrs of one file take 4 kB at most',
      details: { path: path() },
    });
  }
  return {
    inline: inline.length === 0 ? undefined : encodeInline(inline),
    block: block.length === 0 ? undefined : encodeBlock(block),
  };
}

/** Puts the checksum into an attribute block whose place is known. */
export function sealXattrBlock(unsealed: Buffer, seed: number, block: number): Buffer {
  const bytes = Buffer.from(unsealed);
  const place = Buffer.alloc(8);
  place.writeBigUInt64LE(BigInt(block));
  bytes.writeUInt32LE(crc32c(crc32c(seed, place), bytes), XATTR_BLOCK.checksum);
  return bytes;
}

/** The full name of an attribute as it stands on the disk; undefined for a kind that is not known. */
export function xattrName(index: number, name: string): string | undefined {
  const known = NAME_INDEXES.find((each) => each.index === index);
  if (known === undefined || (known.whole === true) !== (name === '')) return undefined;
  return known.prefix + name;
}

function attributeOf(key: string, value: Uint8Array, path: () => string): Attribute {
  for (const { prefix, index, whole } of NAME_INDEXES) {
    if (whole === true ? key !== prefix : !key.startsWith(prefix) || key.length === prefix.length) continue;
    const name = Buffer.from(whole === true ? '' : key.slice(prefix.length), 'latin1');
    if (name.length > MAX_NAME_BYTES) break;
    return { index, name, value: whole === true ? aclToDisk(value, path) : value };
  }
  throw new SlipwayError(
    'DISK_TREE_INVALID',
    `cannot write ${path()}: ext4 has no xattr ${JSON.stringify(key)}`,
    {
      details: { path: path(), key },
    },
  );
}

/** The order attribute blocks are sorted in, so that the kernel finds names in them. */
function compareAttributes(a: Attribute, b: Attribute): number {
  return a.index - b.index || a.name.length - b.name.length || Buffer.compare(a.name, b.name);
}

function encodeInline(attributes: readonly Attribute[]): Buffer {
  const bytes = Buffer.alloc(INLINE_BYTES);
  bytes.writeUInt32LE(XATTR_MAGIC, 0);
  // Offsets of values count from the first entry here and from the start of the block there.
  writeEntries(bytes.subarray(4), 0, attributes);
  return bytes;
}

function encodeBlock(attributes: readonly Attribute[]): Buffer {
  const bytes = Buffer.alloc(BLOCK_BYTES);
  bytes.writeUInt32LE(XATTR_MAGIC, XATTR_BLOCK.magic);
  bytes.writeUInt32LE(1, XATTR_BLOCK.references);
  bytes.writeUInt32LE(1, XATTR_BLOCK.blocks);
  writeEntries(bytes, XATTR_BLOCK_HEADER_BYTES, attributes);
  const blockHash = attributes.reduce((hash, each) => rotate(hash, 16) ^ attributeHash(each), 0);
  bytes.writeUInt32LE(blockHash >>> 0, XATTR_BLOCK.hash);
  return bytes;
}

function writeEntries(bytes: Buffer, from: number, attributes: readonly Attribute[]): void {
  let at = from;
  let valueAt = bytes.length;
  for (const attribute of attributes) {
    const { index, name, value } = attribute;
    valueAt -= padded(value.length);
    bytes.writeUInt8(name.length, at + XATTR_ENTRY.nameBytes);
    bytes.writeUInt8(index, at + XATTR_ENTRY.nameIndex);
    bytes.writeUInt16LE(value.length === 0 ? 0 : valueAt, at + XATTR_ENTRY.valueOffset);
    bytes.writeUInt32LE(value.length, at + XATTR_ENTRY.valueBytes);
    bytes.writeUInt32LE(attributeHash(attribute), at + XATTR_ENTRY.hash);
    bytes.set(name, at + XATTR_ENTRY_BYTES);
    bytes.set(value, valueAt);
    at += entryBytes(attribute);
  }
}

function attributeHash({ name, value }: Attribute): number {
  let hash = 0;
  for (const byte of name) hash = rotate(hash, 5) ^ byte;
  const words = Buffer.alloc(padded(value.length));
  words.set(value);
  for (let at = 0; at < words.length; at += 4) hash = rotate(hash, 16) ^ words.readUInt32LE(at);
  return hash >>> 0;
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function entryBytes({ name }: Attribute): number {
  return XATTR_ENTRY_BYTES + padded(name.length);
}

function padded(bytes: number): number {
  return (bytes + 3) & ~3;
}
