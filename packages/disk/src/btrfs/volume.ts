import { readSync, writeSync } from 'node:fs';
import { SlipwayError } from '@slipway/core';
import { crc32cOf } from '../checksum/crc32c.ts';
import {
  BRANCH_ENTRY,
  CHECKSUM_CRC32C,
  CHUNK,
  FILE_TREE,
  ITEM_KIND,
  KEY,
  LEAF_ENTRY,
  NODE,
  ROOT,
  SUPERBLOCK,
  SUPERBLOCK_BYTES,
  SUPERBLOCK_MAGIC,
  SUPERBLOCK_OFFSET,
  WHOLE_COPY_PROFILES,
} from './format.ts';

/** Something in a leaf. */
export interface BtrfsItem {
  readonly objectId: number;
  readonly kind: number;
  readonly offset: number;
  /** A window into the leaf: what is changed in it is written with it. */
  readonly bytes: Buffer;
}

/** A leaf of a tree, held as it is on the disk. */
export interface BtrfsLeaf {
  readonly address: number;
  readonly block: Buffer;
}

interface Chunk {
  readonly address: number;
  readonly lengthBytes: number;
  /** Where each copy of it begins on the device. */
  readonly copies: readonly number[];
}

/** Nothing that was made a moment ago has deeper trees. */
const MOST_LEVELS = 8;

/** btrfs on one device, nobody else's at the moment: its trees read, and leaves written in place. */
export class BtrfsVolume {
  readonly #file: number;
  readonly #nodeBytes: number;
  readonly #chunks: Chunk[] = [];
  readonly #rootTree: number;

  /** @throws SlipwayError DISK_INVALID */
  constructor(file: number) {
    this.#file = file;
    const superblock = this.#bytes(SUPERBLOCK_OFFSET, SUPERBLOCK_BYTES);
    if (superblock.toString('latin1', SUPERBLOCK.magic, SUPERBLOCK.magic + 8) !== SUPERBLOCK_MAGIC)
      throw invalid('it has no superblock');
    if (superblock.readUInt16LE(SUPERBLOCK.checksumKind) !== CHECKSUM_CRC32C)
      throw invalid('its checksums are not CRC-32C');
    this.#nodeBytes = superblock.readUInt32LE(SUPERBLOCK.nodeBytes);
    this.#rootTree = number(superblock, SUPERBLOCK.rootTree);
    this.#readChunks(superblock);
  }

  /** The tree of files. @throws SlipwayError DISK_INVALID */
  *fileLeaves(): Generator<BtrfsLeaf> {
    for (const leaf of this.#leaves(this.#rootTree)) {
      for (const { objectId, kind, bytes } of itemsOf(leaf)) {
        if (objectId === FILE_TREE && kind === ITEM_KIND.root)
          yield* this.#leaves(number(bytes, ROOT.address));
      }
    }
  }

  /** Puts a leaf back where it is, its checksum made anew, in every copy. */
  write({ address, block }: BtrfsLeaf): void {
    block.writeUInt32LE(checksumOf(block), NODE.checksum);
    for (const offset of this.#copies(address)) {
      if (writeSync(this.#file, block, 0, block.length, offset) !== block.length)
        throw new SlipwayError('IO_FAILED', 'cannot write btrfs: a write was cut short');
    }
  }

  *#leaves(address: number, below: number = MOST_LEVELS): Generator<BtrfsLeaf> {
    const [first] = this.#copies(address);
    const block = this.#bytes(first ?? 0, this.#nodeBytes);
    const level = block.readUInt8(NODE.level);
    if (number(block, NODE.address) !== address || block.readUInt32LE(NODE.checksum) !== checksumOf(block))
      throw invalid(`the block at ${address} is not what it should be`);
    if (level >= below) throw invalid(`the block at ${address} is at level ${level}`);
    if (level === 0) {
      yield { address, block };
      return;
    }
    for (let at = NODE.headerBytes, left = block.readUInt32LE(NODE.count); left > 0; left -= 1) {
      yield* this.#leaves(number(block, at + BRANCH_ENTRY.address), level);
      at += BRANCH_ENTRY.bytes;
    }
  }

  /** The superblock says where the tree of chunks lies, which says where everything else does. */
  #readChunks(superblock: Buffer): void {
    const end = SUPERBLOCK.systemChunks + superblock.readUInt32LE(SUPERBLOCK.systemChunksBytes);
    for (let at: number = SUPERBLOCK.systemChunks; at < end; ) {
      const bytes = superblock.subarray(at + KEY.bytes);
      this.#chunks.push(chunkOf(number(superblock, at + KEY.offset), bytes));
      at += KEY.bytes + CHUNK.firstStripe + CHUNK.stripeBytes * bytes.readUInt16LE(CHUNK.stripes);
    }
    const found: Chunk[] = [];
    for (const leaf of this.#leaves(number(superblock, SUPERBLOCK.chunkTree))) {
      for (const { kind, offset, bytes } of itemsOf(leaf))
        if (kind === ITEM_KIND.chunk) found.push(chunkOf(offset, bytes));
    }
    this.#chunks.splice(0, this.#chunks.length, ...found);
  }

  #copies(address: number): readonly number[] {
    const chunk = this.#chunks.find(
      (each) => address >= each.address && address < each.address + each.lengthBytes,
    );
    if (chunk === undefined) throw invalid(`nothing is at ${address}`);
    return chunk.copies.map((offset) => offset + (address - chunk.address));
  }

  #bytes(offset: number, length: number): Buffer {
    const bytes = Buffer.alloc(length);
    if (readSync(this.#file, bytes, 0, length, offset) !== length) throw invalid('it ends early');
    return bytes;
  }
}

/** What is in a leaf, in the order of its keys. */
export function* itemsOf({ block }: BtrfsLeaf): Generator<BtrfsItem> {
  for (let at = NODE.headerBytes, left = block.readUInt32LE(NODE.count); left > 0; left -= 1) {
    const start = NODE.headerBytes + block.readUInt32LE(at + LEAF_ENTRY.offset);
    yield {
      objectId: number(block, at + KEY.objectId),
      kind: block.readUInt8(at + KEY.kind),
      offset: number(block, at + KEY.offset),
      bytes: block.subarray(start, start + block.readUInt32LE(at + LEAF_ENTRY.length)),
    };
    at += LEAF_ENTRY.bytes;
  }
}

function chunkOf(address: number, bytes: Buffer): Chunk {
  if (bytes.readUInt32LE(CHUNK.profile) & ~WHOLE_COPY_PROFILES) throw invalid('it is spread over devices');
  const copies = Array.from({ length: bytes.readUInt16LE(CHUNK.stripes) }, (_, index) =>
    number(bytes, CHUNK.firstStripe + index * CHUNK.stripeBytes + CHUNK.stripeOffset),
  );
  return { address, lengthBytes: number(bytes, CHUNK.length), copies };
}

function checksumOf(block: Buffer): number {
  return crc32cOf(block, NODE.checked);
}

/** A number of 64 bits. Those a double cannot hold are ids of trees that are of no interest, and hashes of names. */
export function number(bytes: Buffer, offset: number): number {
  return Number(bytes.readBigUInt64LE(offset));
}

export function invalid(why: string): SlipwayError {
  return new SlipwayError('DISK_INVALID', `cannot read btrfs: ${why}`);
}
