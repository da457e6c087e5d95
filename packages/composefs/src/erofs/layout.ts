import { roundUp } from '@slipway/core';
import { directoryShape } from './directory-blocks.ts';
import {
  BLOCK_BYTES,
  CHUNK_BITS_MAX,
  CHUNK_BITS_MIN,
  COMPACT_INODE,
  EXTENDED_INODE,
  INODE_SLOT_BYTES,
  INODE_TABLE_OFFSET,
  TAIL_BYTES_MAX,
} from './format.ts';
import { NodeFacts } from './node-facts.ts';
import type { ImagePlan } from './plan.ts';
import { layoutSharedTable, type SharedTable, xattrBodyBytes } from './xattr-body.ts';

/** Where the parts of an image stand; where inodes stand is said in the columns of the plan. */
export interface ImageLayout {
  readonly shared: SharedTable;
  /** End of the inodes, start of the shared attributes. */
  readonly sharedOffset: number;
  /** First block of data. */
  readonly firstBlock: number;
  readonly blockCount: number;
}

/**
 * Gives every inode, attribute and block its place (composefs-format sections 7.1 to 7.3). Decides only:
 * not a byte is written before all is known.
 */
export function layoutImage(plan: ImagePlan): ImageLayout {
  const shared = layoutSharedTable(plan.attributes.shared());
  const placing = new Placing(plan);
  for (const node of plan.inodes) placing.place(node);
  const sharedOffset = roundUp(placing.end, INODE_SLOT_BYTES);
  const firstBlock = Math.ceil((sharedOffset + shared.sizeBytes) / BLOCK_BYTES);
  return { shared, sharedOffset, firstBlock, blockCount: firstBlock + placing.dataBlocks };
}

/** Bytes of the inode itself. */
export function inodeBytes(isExtended: boolean): 32 | 64 {
  return isExtended ? EXTENDED_INODE.sizeBytes : COMPACT_INODE.sizeBytes;
}

/** log2 of the bytes one chunk covers: all of the file while that is possible. */
export function chunkBitsOf(sizeBytes: number): number {
  const bits = sizeBytes <= 2 ** 32 ? bitsOf(sizeBytes - 1) : 32 + bitsOf(Math.ceil(sizeBytes / 2 ** 32) - 1);
  return Math.min(Math.max(bits, CHUNK_BITS_MIN), CHUNK_BITS_MAX);
}

/** One chunk covers the file where that is possible. */
function chunkCount(sizeBytes: number): number {
  return sizeBytes <= 2 ** CHUNK_BITS_MAX ? 1 : Math.ceil(sizeBytes / 2 ** CHUNK_BITS_MAX);
}

/** Bits of an unsigned 32-bit number; 0 has none. */
function bitsOf(value: number): number {
  return 32 - Math.clz32(value);
}

/** Places one inode after the other. */
class Placing {
  end: number = INODE_TABLE_OFFSET;
  /** Of all inodes. */
  dataBlocks = 0;
  readonly #plan: ImagePlan;
  readonly #facts: NodeFacts;

  constructor(plan: ImagePlan) {
    this.#plan = plan;
    this.#facts = new NodeFacts(plan);
  }

  place(node: number): void {
    const { nodes, attributes } = this.#plan;
    this.#shapeData(node);
    const isExtended = !this.#fitsCompact(node);
    nodes.extended[node] = isExtended ? 1 : 0;
    const headBytes = inodeBytes(isExtended) + xattrBodyBytes(attributes, node);
    const start = roundUp(this.end, INODE_SLOT_BYTES);
    const isSymlink = this.#facts.body(node) === 'symlink';
    const offset = isSymlink
      ? this.#placeSymlink(node, start, headBytes)
      : this.#placeOther(node, start, headBytes);
    nodes.slots[node] = offset / INODE_SLOT_BYTES;
    this.end = offset + headBytes + (nodes.tails[node] ?? 0);
    this.dataBlocks += nodes.dataBlocks[node] ?? 0;
  }

  /** How much data stands in whole blocks and how much after the inode, before any padding. */
  #shapeData(node: number): void {
    const sizeBytes = this.#facts.sizeBytes(node);
    switch (this.#facts.body(node)) {
      case 'none':
        this.#shape(node, 0, 0);
        return;
      case 'directory': {
        const { directories, nodes } = this.#plan;
        const { dataBlocks, tailBytes } = directoryShape(directories, (nodes.links[node] ?? 0) - 1);
        this.#shape(node, dataBlocks, tailBytes);
        return;
      }
      case 'symlink':
        this.#shape(node, 0, sizeBytes);
        return;
      case 'chunks':
        this.#shape(node, 0, 4 * chunkCount(sizeBytes));
        return;
      case 'bytes':
        this.#shape(node, Math.floor(sizeBytes / BLOCK_BYTES), sizeBytes % BLOCK_BYTES);
        if (sizeBytes % BLOCK_BYTES > TAIL_BYTES_MAX) this.#moveTailToBlock(node);
    }
  }

  #shape(node: number, dataBlocks: number, tailBytes: number): void {
    this.#plan.nodes.dataBlocks[node] = dataBlocks;
    this.#plan.nodes.tails[node] = tailBytes;
  }

  #moveTailToBlock(node: number): void {
    this.#shape(node, (this.#plan.nodes.dataBlocks[node] ?? 0) + 1, 0);
  }

  #fitsCompact(node: number): boolean {
    const { earliest, nodes, tree } = this.#plan;
    const { mtimesSec, mtimesNsec, uids, gids } = tree.store;
    const isDirectory = tree.store.isDirectory(node);
    const sizeBytes = isDirectory ? this.#facts.fileSize(node) : this.#facts.sizeBytes(node);
    return (
      mtimesSec[node] === earliest.mtimeSec &&
      mtimesNsec[node] === earliest.mtimeNsec &&
      (nodes.nlinks[node] ?? 0) <= 0xffff &&
      (uids[node] ?? 0) <= 0xffff &&
      (gids[node] ?? 0) <= 0xffff &&
      sizeBytes <= 0xffffffff
    );
  }

  /** Older kernels read a symlink from one block: inode, attributes and target stand in it together. */
  #placeSymlink(node: number, start: number, headBytes: number): number {
    const totalBytes = headBytes + (this.#plan.nodes.tails[node] ?? 0);
    const crosses = Math.floor(start / BLOCK_BYTES) !== Math.floor((start + totalBytes - 1) / BLOCK_BYTES);
    if (totalBytes >= BLOCK_BYTES) this.#moveTailToBlock(node);
    return crosses ? roundUp(start, BLOCK_BYTES) : start;
  }

  /** The inode may straddle two blocks, its tail may not: shift it, or give the tail a block of its own. */
  #placeOther(node: number, start: number, headBytes: number): number {
    const tailBytes = this.#plan.nodes.tails[node] ?? 0;
    const room = BLOCK_BYTES - ((start + headBytes) % BLOCK_BYTES);
    if (room >= tailBytes) return start;
    const shifted = start + roundUp(room, INODE_SLOT_BYTES);
    const roomThere = BLOCK_BYTES - ((shifted + headBytes) % BLOCK_BYTES);
    if (tailBytes <= roomThere) return shifted;
    this.#moveTailToBlock(node);
    return roundUp(start, BLOCK_BYTES);
  }
}
