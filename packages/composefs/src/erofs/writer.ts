import { packTreeWithFacts } from '../packed/pack-tree.ts';
import type { DirectoryNode } from '../tree.ts';
import { entryBytes } from './attribute-table.ts';
import { DirectoryWriter, type Dirent } from './directory-blocks.ts';
import { NO_FACTS, type TreeFacts } from './facts.ts';
import {
  ACL_ACCESS,
  ACL_DEFAULT,
  BLOCK_BYTES,
  CHUNK_BITS_MIN,
  COMPACT_INODE,
  DATA_LAYOUT,
  EXTENDED_INODE,
  FEATURE_COMPAT,
  type FormatVersion,
  HEADER,
  HEADER_FLAG_HAS_ACL,
  HEADER_MAGIC,
  HEADER_VERSION,
  INODE,
  INODE_SLOT_BYTES,
  INODE_TABLE_OFFSET,
  SUPERBLOCK,
  SUPERBLOCK_MAGIC,
} from './format.ts';
import { ImageOutput } from './image-output.ts';
import { chunkBitsOf, type ImageLayout, inodeBytes, layoutImage } from './layout.ts';
import { NodeFacts } from './node-facts.ts';
import { type ImagePlan, planImage } from './plan.ts';
import { PARENT, SELF } from './planned-nodes.ts';
import { writeEntry, writeXattrBody, xattrBodyBytes } from './xattr-body.ts';

/** Which format versions may be written; given none, the rules of `mkcomposefs` without options. */
export interface WriteErofsOptions {
  /** Written unless whiteouts ask for more. Default 0. */
  readonly minVersion?: FormatVersion;
  /** Allowed where the tree holds whiteouts. Default 1, or 0 where only `minVersion` is given. */
  readonly maxVersion?: FormatVersion;
  /** From a dump or an image read before, to write the very same bytes again. */
  readonly facts?: TreeFacts;
}

/** An image that is written piece by piece. */
export interface ErofsImage {
  readonly sizeBytes: number;
  /** The image from its beginning to its end, once. A piece is good until the next one is asked for. */
  pieces(): Generator<Uint8Array, void, undefined>;
}

/**
 * The EROFS image of a tree: bit for bit what `mkcomposefs` writes for it. A pure function, and canonical:
 * the same tree gives the same bytes for ever, so the fs-verity digest of the image names the tree.
 *
 * The whole image is one buffer; see {@link planErofs} for trees of very many files.
 *
 * @throws SlipwayError TREE_INVALID naming the path no image can hold
 * @see composefs-format sections 1 to 8
 */
export function writeErofs(root: DirectoryNode, options: WriteErofsOptions = {}): Buffer {
  const planned = planErofs(root, options);
  const image = Buffer.allocUnsafeSlow(planned.sizeBytes);
  let at = 0;
  for (const piece of planned.pieces()) {
    image.set(piece, at);
    at += piece.length;
  }
  return image;
}

/**
 * The same image, of which only a piece is ever held; everything that can be wrong with the tree is found before the first.
 *
 * @throws SlipwayError TREE_INVALID naming the path no image can hold
 */
export function planErofs(root: DirectoryNode, options: WriteErofsOptions = {}): ErofsImage {
  const packed = packTreeWithFacts(root, options.facts ?? NO_FACTS);
  const plan = planImage(packed, versionsOf(options));
  const layout = layoutImage(plan);
  return {
    sizeBytes: layout.blockCount * BLOCK_BYTES,
    pieces: () => new ImageWriter(plan, layout).pieces(),
  };
}

function versionsOf(options: WriteErofsOptions): {
  readonly min: FormatVersion;
  readonly max: FormatVersion;
} {
  const min = options.minVersion ?? 0;
  const max = options.maxVersion ?? (options.minVersion === undefined ? 1 : 0);
  return { min, max: max < min ? min : max };
}

function writeHeader(image: ImageOutput, { attributes, formatVersion }: ImagePlan): void {
  const hasAcl = attributes.has(ACL_ACCESS) || attributes.has(ACL_DEFAULT);
  image.u32(HEADER.magic, HEADER_MAGIC);
  image.u32(HEADER.version, HEADER_VERSION);
  image.u32(HEADER.flags, hasAcl ? HEADER_FLAG_HAS_ACL : 0);
  image.u32(HEADER.formatVersion, formatVersion);
}

function writeSuperblock(image: ImageOutput, plan: ImagePlan, layout: ImageLayout): void {
  const { inodes, earliest } = plan;
  const at = SUPERBLOCK.offset;
  image.u32(at + SUPERBLOCK.magic, SUPERBLOCK_MAGIC);
  image.u32(at + SUPERBLOCK.featureCompat, FEATURE_COMPAT);
  image.u8(at + SUPERBLOCK.blockBits, Math.log2(BLOCK_BYTES));
  image.u16(at + SUPERBLOCK.rootNid, plan.nodes.slots[inodes[0] ?? 0] ?? 0);
  image.i64(at + SUPERBLOCK.inodeCount, inodes.length);
  image.i64(at + SUPERBLOCK.buildTimeSec, earliest.mtimeSec);
  image.u32(at + SUPERBLOCK.buildTimeNsec, earliest.mtimeNsec);
  image.u32(at + SUPERBLOCK.blockCount, layout.blockCount);
  image.u32(at + SUPERBLOCK.xattrBlock, Math.floor(layout.sharedOffset / BLOCK_BYTES));
}

/** Writes an image from its beginning to its end: header, inodes with what follows them, shared attributes, blocks of data. */
class ImageWriter {
  readonly #plan: ImagePlan;
  readonly #layout: ImageLayout;
  readonly #facts: NodeFacts;
  readonly #image = ImageOutput.inWindows();
  readonly #sharedStart: number;

  constructor(plan: ImagePlan, layout: ImageLayout) {
    this.#plan = plan;
    this.#layout = layout;
    this.#facts = new NodeFacts(plan);
    this.#sharedStart = layout.sharedOffset % BLOCK_BYTES;
  }

  *pieces(): Generator<Uint8Array, void, undefined> {
    const { inodes } = this.#plan;
    const { shared, sharedOffset, blockCount } = this.#layout;
    yield* this.#image.reach(0, INODE_TABLE_OFFSET);
    writeHeader(this.#image, this.#plan);
    writeSuperblock(this.#image, this.#plan, this.#layout);
    let block = this.#layout.firstBlock;
    for (let ino = 0; ino < inodes.length; ino += 1) {
      const node = inodes[ino] ?? 0;
      yield* this.#inode(node, ino, block);
      block += this.#plan.nodes.dataBlocks[node] ?? 0;
    }
    for (const entry of shared.entries) {
      const offset = sharedOffset + entry.sharedOffset;
      yield* this.#image.reach(offset, offset + entryBytes(entry));
      writeEntry(this.#image, offset, entry);
    }
    yield* this.#blocks();
    yield* this.#image.finish(blockCount * BLOCK_BYTES);
  }

  *#inode(node: number, ino: number, block: number): Generator<Uint8Array, void, undefined> {
    const { nodes, attributes } = this.#plan;
    const at = (nodes.slots[node] ?? 0) * INODE_SLOT_BYTES;
    const isExtended = nodes.extended[node] === 1;
    const xattrOffset = at + inodeBytes(isExtended);
    const xattrBytes = xattrBodyBytes(attributes, node);
    const tailOffset = xattrOffset + xattrBytes;
    const firstBlock = (nodes.dataBlocks[node] ?? 0) > 0 ? block : 0;
    yield* this.#image.reach(at, tailOffset + (nodes.tails[node] ?? 0));
    const image = this.#image;
    image.u16(at + INODE.format, (this.#dataLayout(node) << 1) | (isExtended ? 1 : 0));
    image.u16(at + INODE.xattrCount, xattrBytes === 0 ? 0 : (xattrBytes - 12) / 4 + 1);
    image.u16(at + INODE.mode, this.#facts.mode(node));
    image.u32(at + INODE.data, this.#dataField(node, firstBlock));
    image.u32(at + INODE.ino, ino);
    if (isExtended) this.#extendedPart(node, at);
    else this.#compactPart(node, at);
    if (xattrBytes > 0) writeXattrBody(image, xattrOffset, attributes, node, this.#sharedStart);
    this.#tail(node, tailOffset);
  }

  #compactPart(node: number, at: number): void {
    const { uids, gids } = this.#plan.tree.store;
    this.#image.u16(at + COMPACT_INODE.nlink, this.#plan.nodes.nlinks[node] ?? 0);
    this.#image.u32(at + COMPACT_INODE.fileSize, this.#facts.fileSize(node));
    this.#image.u16(at + COMPACT_INODE.uid, uids[node] ?? 0);
    this.#image.u16(at + COMPACT_INODE.gid, gids[node] ?? 0);
  }

  #extendedPart(node: number, at: number): void {
    const { uids, gids, mtimesSec, mtimesNsec } = this.#plan.tree.store;
    this.#image.i64(at + EXTENDED_INODE.fileSize, this.#facts.fileSize(node));
    this.#image.u32(at + EXTENDED_INODE.uid, uids[node] ?? 0);
    this.#image.u32(at + EXTENDED_INODE.gid, gids[node] ?? 0);
    this.#image.i64(at + EXTENDED_INODE.mtimeSec, mtimesSec[node] ?? 0);
    this.#image.u32(at + EXTENDED_INODE.mtimeNsec, mtimesNsec[node] ?? 0);
    this.#image.u32(at + EXTENDED_INODE.nlink, this.#plan.nodes.nlinks[node] ?? 0);
  }

  /** What stands right after the attributes. */
  #tail(node: number, offset: number): void {
    const tailBytes = this.#plan.nodes.tails[node] ?? 0;
    if (tailBytes === 0) return;
    const { bytes, first, second } = this.#plan.tree.store;
    switch (this.#facts.body(node)) {
      case 'none':
        return;
      case 'directory': {
        const directory = this.#directory(node);
        directory.skip(this.#plan.nodes.dataBlocks[node] ?? 0);
        directory.write(this.#image, offset);
        return;
      }
      // Every chunk is a hole: the bytes are in the object store.
      case 'chunks':
        this.#image.fill(offset, 0xff, tailBytes);
        return;
      case 'symlink':
      case 'bytes':
        this.#image.copy(offset, bytes, (first[node] ?? 0) + (second[node] ?? 0) - tailBytes, tailBytes);
    }
  }

  /** The data of all inodes that stands in blocks, in the order of the inodes. */
  *#blocks(): Generator<Uint8Array, void, undefined> {
    const { inodes, nodes } = this.#plan;
    let offset = this.#layout.firstBlock * BLOCK_BYTES;
    for (const node of inodes) {
      const lengthBytes = (nodes.dataBlocks[node] ?? 0) * BLOCK_BYTES;
      if (lengthBytes > 0) yield* this.#blocksOf(node, offset, lengthBytes);
      offset += lengthBytes;
    }
  }

  *#blocksOf(node: number, start: number, lengthBytes: number): Generator<Uint8Array, void, undefined> {
    const body = this.#facts.body(node);
    const { bytes, first, second } = this.#plan.tree.store;
    if (body === 'directory') {
      const directory = this.#directory(node);
      for (let offset = start; offset < start + lengthBytes; offset += BLOCK_BYTES) {
        yield* this.#image.reach(offset, offset + BLOCK_BYTES);
        directory.write(this.#image, offset);
      }
      return;
    }
    yield* this.#image.reach(start, start + lengthBytes);
    // A table of chunks moved to a block fills it.
    if (body === 'chunks') this.#image.fill(start, 0xff, BLOCK_BYTES);
    else {
      const inBlocks = (second[node] ?? 0) - (this.#plan.nodes.tails[node] ?? 0);
      this.#image.copy(start, bytes, first[node] ?? 0, inBlocks);
    }
  }

  #directory(node: number): DirectoryWriter {
    const { directories, nodes, tree } = this.#plan;
    const directory = (nodes.links[node] ?? 0) - 1;
    const direntOf = (child: number): Dirent => {
      const target = this.#targetOf(directory, child);
      return { slot: nodes.slots[target] ?? 0, fileType: this.#facts.fileType(target) };
    };
    return new DirectoryWriter(directories, tree.store, directory, direntOf);
  }

  #targetOf(directory: number, child: number): number {
    const { directories, tree } = this.#plan;
    if (child < PARENT) return tree.store.nodeAt(child);
    const place = child === SELF ? directory : (directories.parents[directory] ?? 0);
    return directories.nodes[place] ?? 0;
  }

  #dataLayout(node: number): number {
    if (this.#facts.body(node) === 'chunks') return DATA_LAYOUT.chunks;
    return (this.#plan.nodes.tails[node] ?? 0) > 0 ? DATA_LAYOUT.inline : DATA_LAYOUT.plain;
  }

  /** `i_u`: device number, first block, or the chunk format in the low half of the first block's number. */
  #dataField(node: number, firstBlock: number): number {
    if (this.#facts.body(node) !== 'chunks') return this.#facts.device(node) || firstBlock;
    const bits = chunkBitsOf(this.#facts.sizeBytes(node)) - CHUNK_BITS_MIN;
    return ((firstBlock & 0xffff0000) | bits) >>> 0;
  }
}
