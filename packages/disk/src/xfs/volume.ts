import { readSync, writeSync } from 'node:fs';
import { SlipwayError } from '@slipway/core';
import { CRC32C_SEED, crc32c } from '../checksum/crc32c.ts';
import {
  DATA_BLOCK_MAGIC,
  DIRECTORY_BLOCK,
  FEATURE_PARENT_POINTERS,
  INODE,
  INODE_MAGIC,
  SECTOR_BYTES,
  SINGLE_BLOCK_MAGIC,
  SUPERBLOCK,
  SUPERBLOCK_BYTES,
  SUPERBLOCK_MAGIC,
  UUID_BYTES,
  VERSION,
  VERSION_MASK,
} from './format.ts';

/** A piece of metadata that says of itself where it belongs, as it is on the disk. */
export interface XfsPiece {
  readonly kind: 'inode' | 'directory-block';
  readonly offsetBytes: number;
  /** The inode, or the one of the directory. */
  readonly inode: number;
  readonly bytes: Buffer;
}

const SCAN_BYTES = 1024 ** 2;

/**
 * XFS that nobody has mounted: its inodes and the blocks of its directories, found by what each says of itself, and written in place.
 *
 * Version 5 puts into each of them the UUID of the file system, its own place, and a checksum: what has all three right is what it says.
 */
export class XfsVolume {
  readonly rootInode: number;
  /** Whether files hold their names too. */
  readonly hasParentPointers: boolean;
  readonly #file: number;
  readonly #uuid: Buffer;
  readonly #blockBytes: number;
  readonly #groupBlocks: number;
  readonly #groupBlocksLog: number;
  readonly #inodeBytes: number;
  readonly #inodesPerBlockLog: number;
  readonly #directoryBlockBytes: number;

  /** @throws SlipwayError DISK_INVALID */
  constructor(file: number) {
    this.#file = file;
    const superblock = Buffer.alloc(SUPERBLOCK_BYTES);
    readSync(file, superblock, 0, SUPERBLOCK_BYTES, 0);
    if (superblock.toString('latin1', 0, SUPERBLOCK_MAGIC.length) !== SUPERBLOCK_MAGIC)
      throw invalid('it has no superblock');
    if ((superblock.readUInt16BE(SUPERBLOCK.version) & VERSION_MASK) !== VERSION)
      throw invalid('it is not of version 5');
    const features = superblock.readUInt32BE(SUPERBLOCK.incompatibleFeatures);
    this.hasParentPointers = (features & FEATURE_PARENT_POINTERS) !== 0;
    this.rootInode = long(superblock, SUPERBLOCK.rootInode);
    this.#uuid = superblock.subarray(SUPERBLOCK.uuid, SUPERBLOCK.uuid + UUID_BYTES);
    this.#blockBytes = superblock.readUInt32BE(SUPERBLOCK.blockBytes);
    this.#groupBlocks = superblock.readUInt32BE(SUPERBLOCK.groupBlocks);
    this.#groupBlocksLog = superblock.readUInt8(SUPERBLOCK.groupBlocksLog);
    this.#inodeBytes = superblock.readUInt16BE(SUPERBLOCK.inodeBytes);
    this.#inodesPerBlockLog = superblock.readUInt8(SUPERBLOCK.inodesPerBlockLog);
    this.#directoryBlockBytes = this.#blockBytes << superblock.readUInt8(SUPERBLOCK.directoryBlockLog);
    if (this.#inodeBytes < INODE.fork || SCAN_BYTES % this.#directoryBlockBytes !== 0)
      throw invalid('its blocks are of sizes that are not known here');
  }

  /** Every inode and every block of a directory, in the order of the disk. What is yielded is good until the next one is asked for. */
  *pieces(): Generator<XfsPiece> {
    const zeros = Buffer.alloc(SCAN_BYTES);
    const stretch = Buffer.alloc(SCAN_BYTES);
    for (let start = 0; ; start += SCAN_BYTES) {
      const length = readSync(this.#file, stretch, 0, SCAN_BYTES, start);
      if (length === 0) return;
      // Most of a new file system is nothing at all.
      if (stretch.equals(zeros)) continue;
      for (let at = 0; at + this.#inodeBytes <= length; at += this.#inodeBytes) {
        const piece = this.#pieceAt(stretch, at, start + at);
        if (piece !== undefined) yield piece;
      }
    }
  }

  /** The same piece again. */
  read({ kind, offsetBytes, inode }: Omit<XfsPiece, 'bytes'>): XfsPiece {
    const bytes = Buffer.alloc(kind === 'inode' ? this.#inodeBytes : this.#directoryBlockBytes);
    readSync(this.#file, bytes, 0, bytes.length, offsetBytes);
    return { kind, offsetBytes, inode, bytes };
  }

  /** Puts a piece back where it is, its checksum made anew. */
  write({ kind, offsetBytes, bytes }: XfsPiece): void {
    const at = kind === 'inode' ? INODE.checksum : DIRECTORY_BLOCK.checksum;
    bytes.writeUInt32LE(checksumOf(bytes, at), at);
    if (writeSync(this.#file, bytes, 0, bytes.length, offsetBytes) !== bytes.length)
      throw new SlipwayError('IO_FAILED', 'cannot write xfs: a write was cut short');
  }

  #pieceAt(stretch: Buffer, at: number, offsetBytes: number): XfsPiece | undefined {
    if (stretch.readUInt16BE(at) === INODE_MAGIC) {
      const bytes = stretch.subarray(at, at + this.#inodeBytes);
      const inode = long(bytes, INODE.number);
      const isOwn = inode === this.#inodeAt(offsetBytes) && this.#isWhole(bytes, INODE.uuid, INODE.checksum);
      return isOwn ? { kind: 'inode', offsetBytes, inode, bytes } : undefined;
    }
    if (offsetBytes % this.#blockBytes !== 0) return undefined;
    const magic = stretch.readUInt32BE(at);
    if (magic !== SINGLE_BLOCK_MAGIC && magic !== DATA_BLOCK_MAGIC) return undefined;
    const bytes = stretch.subarray(at, at + this.#directoryBlockBytes);
    const isOwn =
      long(bytes, DIRECTORY_BLOCK.sector) === offsetBytes / SECTOR_BYTES &&
      this.#isWhole(bytes, DIRECTORY_BLOCK.uuid, DIRECTORY_BLOCK.checksum);
    const inode = long(bytes, DIRECTORY_BLOCK.owner);
    return isOwn ? { kind: 'directory-block', offsetBytes, inode, bytes } : undefined;
  }

  #isWhole(bytes: Buffer, uuidAt: number, checksumAt: number): boolean {
    return (
      bytes.subarray(uuidAt, uuidAt + UUID_BYTES).equals(this.#uuid) &&
      bytes.readUInt32LE(checksumAt) === checksumOf(bytes, checksumAt)
    );
  }

  /** The number of an inode is its place: allocation group, block in it, inode in that. */
  #inodeAt(offsetBytes: number): number {
    const block = Math.floor(offsetBytes / this.#blockBytes);
    const group = Math.floor(block / this.#groupBlocks);
    const place = group * 2 ** this.#groupBlocksLog + (block % this.#groupBlocks);
    return place * 2 ** this.#inodesPerBlockLog + (offsetBytes % this.#blockBytes) / this.#inodeBytes;
  }
}

const NO_CHECKSUM = new Uint8Array(4);

/** The checksum counts as zeros in itself. */
function checksumOf(bytes: Buffer, at: number): number {
  const before = crc32c(CRC32C_SEED, bytes, 0, at);
  return ~crc32c(crc32c(before, NO_CHECKSUM), bytes, at + NO_CHECKSUM.length) >>> 0;
}

/** A number of 64 bits; places on disks are all within what a double holds. */
export function long(bytes: Buffer, offset: number): number {
  return Number(bytes.readBigUInt64BE(offset));
}

export function invalid(why: string): SlipwayError {
  return new SlipwayError('DISK_INVALID', `cannot read xfs: ${why}`);
}
