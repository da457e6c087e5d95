import { FILE_TYPE, FILE_TYPE_BITS } from '../../mode.ts';
import type { DiskMetadata, DiskNode } from '../../tree.ts';
import { inodeChecksum, inodeSeed } from '../checksum.ts';
import { INLINE_BLOCK_BYTES, INODE, INODE_FLAG } from '../format.ts';
import { type Ext4Volume, readInodeBytes, refuse } from './volume.ts';
import { readXattrs } from './xattrs.ts';

/** An inode, checked and decoded. */
export interface Ext4Inode {
  readonly number: number;
  readonly kind: DiskNode['kind'];
  readonly meta: DiskMetadata;
  readonly links: number;
  readonly sizeBytes: number;
  readonly hasExtents: boolean;
  /** A directory with an index of its names. */
  readonly isIndexed: boolean;
  /** Sealed with fs-verity. */
  readonly isSealed: boolean;
  /** `i_block`: root of the extents, device number or short target. */
  readonly block: Buffer;
  /** Seed of the checksums of its blocks. */
  readonly seed: number;
}

/**
 * Reads an inode.
 *
 * @throws SlipwayError DISK_INVALID when it is damaged, free or of a kind that is not supported
 */
export async function readInode(volume: Ext4Volume, number: number): Promise<Ext4Inode> {
  const bytes = await readInodeBytes(volume, number);
  checkSum(volume, number, bytes);
  const links = bytes.readUInt16LE(INODE.links);
  const mode = bytes.readUInt16LE(INODE.mode);
  const kind = kindOf(mode);
  const flags = bytes.readUInt32LE(INODE.flags);
  if (kind === undefined || links === 0) refuse(`inode ${number} is not in use`);
  if ((flags & INODE_FLAG.inlineData) !== 0) refuse(`inode ${number} holds its data itself`);
  const sizeBytes = bytes.readUInt32LE(INODE.sizeLow) + bytes.readUInt32LE(INODE.sizeHigh) * 2 ** 32;
  if (!Number.isSafeInteger(sizeBytes)) refuse(`inode ${number} has an impossible size`);
  const xattrs = await readXattrs(volume, number, bytes);
  return {
    number,
    kind,
    meta: {
      mode: mode & 0o7777,
      uid: bytes.readUInt16LE(INODE.uid) + bytes.readUInt16LE(INODE.uidHigh) * 2 ** 16,
      gid: bytes.readUInt16LE(INODE.gid) + bytes.readUInt16LE(INODE.gidHigh) * 2 ** 16,
      mtimeSec: readSeconds(bytes),
      mtimeNsec: bytes.readUInt32LE(INODE.modifyTimeExtra) >>> 2,
      ...(xattrs.size === 0 ? {} : { xattrs }),
    },
    links,
    sizeBytes,
    hasExtents: (flags & INODE_FLAG.extents) !== 0,
    isIndexed: (flags & INODE_FLAG.index) !== 0,
    isSealed: (flags & INODE_FLAG.verity) !== 0,
    block: bytes.subarray(INODE.block, INODE.block + INLINE_BLOCK_BYTES),
    seed: inodeSeed(volume.seed, number, bytes.readUInt32LE(INODE.generation)),
  };
}

/** Major and minor number of a device. */
export function deviceNumber(inode: Ext4Inode): { readonly major: number; readonly minor: number } {
  const small = inode.block.readUInt32LE(0);
  if (small !== 0) return { major: (small >> 8) & 0xff, minor: small & 0xff };
  const large = inode.block.readUInt32LE(4);
  return { major: (large >>> 8) & 0xfff, minor: (large & 0xff) | ((large >>> 12) & 0xfff00) };
}

function checkSum(volume: Ext4Volume, number: number, bytes: Buffer): void {
  const stored = bytes.readUInt16LE(INODE.checksumLow) + bytes.readUInt16LE(INODE.checksumHigh) * 2 ** 16;
  bytes.writeUInt16LE(0, INODE.checksumLow);
  bytes.writeUInt16LE(0, INODE.checksumHigh);
  if (inodeChecksum(volume.seed, number, bytes) !== stored)
    refuse(`the checksum of inode ${number} is wrong`);
}

function kindOf(mode: number): DiskNode['kind'] | undefined {
  for (const [kind, bits] of Object.entries(FILE_TYPE)) {
    if ((mode & FILE_TYPE_BITS) === bits) return kind as DiskNode['kind'];
  }
  return undefined;
}

function readSeconds(bytes: Buffer): number {
  return bytes.readInt32LE(INODE.modifyTime) + (bytes.readUInt32LE(INODE.modifyTimeExtra) & 3) * 2 ** 32;
}
