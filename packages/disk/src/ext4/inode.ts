import { FILE_TYPE, withPermissions } from '../mode.ts';
import type { DiskNode } from '../tree.ts';
import { inodeChecksum, inodeSeed } from './checksum.ts';
import { type ExtentMap, encodeExtents } from './extent.ts';
import {
  BLOCK_BYTES,
  INLINE_BLOCK_BYTES,
  INODE,
  INODE_BASE_BYTES,
  INODE_BYTES,
  INODE_EXTRA_BYTES,
  INODE_FLAG,
  INODE_NUMBER,
  UNITS_PER_BLOCK,
} from './format.ts';
import type { Ext4Plan } from './plan.ts';
import { encodeResizeMap, resizeInodeBytes, resizeInodeUnits } from './resize-inode.ts';

/** The fields of an inode before they are bytes. */
interface InodeFields {
  readonly number: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly links: number;
  readonly sizeBytes: number;
  /** In 512 bytes. */
  readonly units: number;
  readonly flags: number;
  readonly timeSec: number;
  readonly timeNsec: number;
  readonly madeSec: number;
  /** `i_block`. */
  readonly block: Buffer;
  readonly xattrBlock: number;
  readonly inlineXattrs: Buffer | undefined;
}

/** Seconds an inode can hold: 34 bits from 1901 on. Kernels bring times beyond to the nearest one, and so does this. */
const FIRST_SECOND: number = -(2 ** 31);
const LAST_SECOND: number = 2 ** 34 - 2 ** 31 - 1;

/** The inode of a node of the tree. */
export function encodeNodeInode({ tree, places, seed, timeSec }: Ext4Plan, inode: number): Buffer {
  const node = tree.node(inode);
  const number = tree.number(inode);
  const map = places.map(inode);
  const xattrBlock = places.xattrBlock(inode);
  const usesExtents = node.kind === 'file' || map.extents.length > 0;
  const sealed = node.kind === 'file' && node.verity !== undefined;
  const indexed = node.kind === 'directory' && tree.directory(inode).shape.kind === 'indexed';
  return encodeInode(seed, {
    number,
    mode: withPermissions(FILE_TYPE[node.kind], node.meta.mode),
    uid: node.meta.uid,
    gid: node.meta.gid,
    links: tree.links(inode),
    sizeBytes: tree.sizeBytes(inode),
    units: unitsOf(map) + (xattrBlock > 0 ? UNITS_PER_BLOCK : 0),
    flags:
      (usesExtents ? INODE_FLAG.extents : 0) |
      (sealed ? INODE_FLAG.verity : 0) |
      (indexed ? INODE_FLAG.index : 0),
    timeSec: node.meta.mtimeSec,
    timeNsec: node.meta.mtimeNsec,
    madeSec: timeSec,
    block: usesExtents ? encodeExtents(map, inodeSeed(seed, number)).root : inlineBlock(node),
    xattrBlock,
    inlineXattrs: tree.xattrs(inode).inline,
  });
}

/** The inode that owns the journal's blocks. */
export function encodeJournalInode(plan: Ext4Plan): Buffer {
  const { blocks, map } = plan.places.journal;
  return encodeSpecialInode(plan, INODE_NUMBER.journal, {
    sizeBytes: blocks * BLOCK_BYTES,
    units: unitsOf(map),
    flags: INODE_FLAG.extents,
    block: encodeExtents(map, inodeSeed(plan.seed, INODE_NUMBER.journal)).root,
  });
}

/** The inode that owns the blocks kept for descriptors of a grown file system. */
export function encodeResizeInode(plan: Ext4Plan): Buffer {
  return encodeSpecialInode(plan, INODE_NUMBER.resize, {
    sizeBytes: resizeInodeBytes(),
    units: resizeInodeUnits(plan),
    flags: 0,
    block: encodeResizeMap(plan),
  });
}

type SpecialFields = Pick<InodeFields, 'sizeBytes' | 'units' | 'flags' | 'block'>;

function encodeSpecialInode(plan: Ext4Plan, number: number, fields: SpecialFields): Buffer {
  return encodeInode(plan.seed, {
    number,
    mode: withPermissions(FILE_TYPE.file, 0o600),
    uid: 0,
    gid: 0,
    links: 1,
    timeSec: plan.timeSec,
    timeNsec: 0,
    madeSec: plan.timeSec,
    xattrBlock: 0,
    inlineXattrs: undefined,
    ...fields,
  });
}

function unitsOf(map: ExtentMap): number {
  const data = map.extents.reduce((sum, extent) => sum + extent.blocks, 0);
  return (data + map.treeBlocks.length) * UNITS_PER_BLOCK;
}

/** `i_block` of what has no blocks: a short target, a device number, or nothing. */
function inlineBlock(node: DiskNode): Buffer {
  const block = Buffer.alloc(INLINE_BLOCK_BYTES);
  if (node.kind === 'symlink') block.write(node.target, 'latin1');
  if (node.kind === 'character-device' || node.kind === 'block-device') {
    const { major, minor } = node;
    // Numbers of one byte each stand in the first word as ever, larger ones in the second.
    if (major < 256 && minor < 256) block.writeUInt32LE((major << 8) | minor, 0);
    else block.writeUInt32LE(((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0, 4);
  }
  return block;
}

function encodeInode(seed: number, fields: InodeFields): Buffer {
  const bytes = Buffer.alloc(INODE_BYTES);
  const high = (value: number): number => Math.floor(value / 2 ** 32);
  bytes.writeUInt16LE(fields.mode, INODE.mode);
  bytes.writeUInt16LE(fields.uid & 0xffff, INODE.uid);
  bytes.writeUInt16LE(fields.uid >>> 16, INODE.uidHigh);
  bytes.writeUInt16LE(fields.gid & 0xffff, INODE.gid);
  bytes.writeUInt16LE(fields.gid >>> 16, INODE.gidHigh);
  bytes.writeUInt16LE(fields.links, INODE.links);
  bytes.writeUInt32LE(fields.sizeBytes % 2 ** 32, INODE.sizeLow);
  bytes.writeUInt32LE(high(fields.sizeBytes), INODE.sizeHigh);
  bytes.writeUInt32LE(fields.units % 2 ** 32, INODE.unitsLow);
  bytes.writeUInt16LE(high(fields.units), INODE.unitsHigh);
  bytes.writeUInt32LE(fields.flags, INODE.flags);
  bytes.set(fields.block, INODE.block);
  bytes.writeUInt32LE(fields.xattrBlock % 2 ** 32, INODE.xattrBlockLow);
  bytes.writeUInt16LE(high(fields.xattrBlock), INODE.xattrBlockHigh);
  bytes.writeUInt16LE(INODE_EXTRA_BYTES, INODE.extraBytes);
  writeTime(bytes, INODE.modifyTime, INODE.modifyTimeExtra, fields.timeSec, fields.timeNsec);
  writeTime(bytes, INODE.changeTime, INODE.changeTimeExtra, fields.timeSec, fields.timeNsec);
  writeTime(bytes, INODE.accessTime, INODE.accessTimeExtra, fields.timeSec, fields.timeNsec);
  writeTime(bytes, INODE.createTime, INODE.createTimeExtra, fields.madeSec, 0);
  if (fields.inlineXattrs !== undefined) bytes.set(fields.inlineXattrs, INODE_BASE_BYTES + INODE_EXTRA_BYTES);
  const checksum = inodeChecksum(seed, fields.number, bytes);
  bytes.writeUInt16LE(checksum & 0xffff, INODE.checksumLow);
  bytes.writeUInt16LE(checksum >>> 16, INODE.checksumHigh);
  return bytes;
}

/** Low 32 bits as a signed number; two more bits of seconds share a word with the nanoseconds. */
function writeTime(bytes: Buffer, at: number, extraAt: number, seconds: number, nanoseconds: number): void {
  const clamped = Math.min(Math.max(seconds, FIRST_SECOND), LAST_SECOND);
  const low = clamped | 0;
  const epoch = (clamped - low) / 2 ** 32;
  bytes.writeInt32LE(low, at);
  bytes.writeUInt32LE(nanoseconds * 4 + epoch, extraAt);
}
