import { FIRST_ROOM, grown, SlipwayError } from '@slipway/core';
import { contentBytes } from '../content.ts';
import type { DiskDirectory, DiskFile, DiskNode } from '../tree.ts';
import type { DirectoryShape } from './directory-shape.ts';
import type { Stretch } from './extent.ts';
import { BLOCK_BYTES, INLINE_BLOCK_BYTES, INODE_NUMBER } from './format.ts';
import { verityBlocks, verityStartBlock } from './verity.ts';
import { type EncodedXattrs, NO_XATTRS } from './xattr.ts';

/** The inode of the root among those of a tree. */
export const ROOT = 0;
/** The inode of `lost+found`, which every tree has by now. */
export const LOST_AND_FOUND = 1;

const NO_ENTRIES: DiskDirectory['entries'] = new Map();
const NO_STRETCHES: readonly Stretch[] = [];
const ONE_BLOCK: readonly Stretch[] = [{ logical: 0, blocks: 1 }];

/** What a directory is beside its node. */
export interface ScannedDirectory {
  /** How its names are laid out. */
  readonly shape: DirectoryShape;
  /** Its names in byte order. */
  readonly names: readonly string[];
  /** The inode of each name. */
  readonly inodes: Uint32Array;
}

/**
 * The inodes of a tree in the order of their numbers, counted from 0, and all that is known of them before they have a place: in columns,
 * and nothing that their nodes say themselves. The root of a host has one for every file of its image.
 */
export class ScannedTree {
  readonly nodes: DiskNode[] = [];
  readonly directories: Map<number, ScannedDirectory> = new Map();
  /** Those that are not empty. */
  readonly #xattrs = new Map<number, EncodedXattrs>();
  /** First names, and the directories they are in. */
  readonly #names: string[] = [];
  #parents: Uint32Array<ArrayBuffer> = new Uint32Array(FIRST_ROOM);
  #links: Uint32Array<ArrayBuffer> = new Uint32Array(FIRST_ROOM);

  get count(): number {
    return this.nodes.length;
  }

  add(node: DiskNode, name: string, parent: number): number {
    // What is in a directory stands in columns: the tree it came from need not stay.
    const inode = this.nodes.push(node.kind === 'directory' ? { ...node, entries: NO_ENTRIES } : node) - 1;
    if (inode === this.#parents.length) {
      this.#parents = grown(this.#parents);
      this.#links = grown(this.#links);
    }
    this.#names.push(name);
    this.#parents[inode] = parent;
    this.#links[inode] = node.kind === 'directory' ? 2 : 1;
    return inode;
  }

  node(inode: number): DiskNode {
    const node = this.nodes[inode];
    if (node === undefined) throw new SlipwayError('INTERNAL', 'cannot find an inode that was planned');
    return node;
  }

  directory(inode: number): ScannedDirectory {
    const directory = this.directories.get(inode);
    if (directory === undefined)
      throw new SlipwayError('INTERNAL', 'cannot find a directory that was planned');
    return directory;
  }

  /** The number of an inode on the disk. */
  number(inode: number): number {
    return inode === ROOT ? INODE_NUMBER.root : INODE_NUMBER.firstFree + inode - LOST_AND_FOUND;
  }

  /** The inode of a number; undefined for one that is none of the tree. */
  inodeOf(number: number): number | undefined {
    if (number === INODE_NUMBER.root) return ROOT;
    const inode = number - INODE_NUMBER.firstFree + LOST_AND_FOUND;
    return inode >= LOST_AND_FOUND && inode < this.count ? inode : undefined;
  }

  parent(inode: number): number {
    return this.#parents[inode] ?? ROOT;
  }

  links(inode: number): number {
    return this.#links[inode] ?? 0;
  }

  setLinks(inode: number, links: number): void {
    this.#links[inode] = links;
  }

  xattrs(inode: number): EncodedXattrs {
    return this.#xattrs.get(inode) ?? NO_XATTRS;
  }

  setXattrs(inode: number, xattrs: EncodedXattrs): void {
    if (xattrs !== NO_XATTRS) this.#xattrs.set(inode, xattrs);
  }

  /** Length of its content. */
  sizeBytes(inode: number): number {
    const node = this.node(inode);
    if (node.kind === 'file') return node.sizeBytes;
    if (node.kind === 'symlink') return node.target.length;
    return node.kind === 'directory' ? this.directory(inode).shape.blocks * BLOCK_BYTES : 0;
  }

  /** Blocks its content needs. */
  stretches(inode: number): readonly Stretch[] {
    const node = this.node(inode);
    if (node.kind === 'file') return fileStretches(node);
    if (node.kind === 'directory') return [{ logical: 0, blocks: this.directory(inode).shape.blocks }];
    return node.kind === 'symlink' && node.target.length >= INLINE_BLOCK_BYTES ? ONE_BLOCK : NO_STRETCHES;
  }

  /** Whether it is a file that says where its data is. */
  hasHoles(inode: number): boolean {
    const node = this.node(inode);
    return node.kind === 'file' && node.data !== undefined;
  }

  /** How many blocks these are. */
  blocks(inode: number): number {
    const node = this.node(inode);
    // Of very many files asked several times: without a list of stretches for each.
    if (node.kind === 'file' && node.data === undefined) return plainBlocks(node);
    return this.stretches(inode).reduce((sum, { blocks }) => sum + blocks, 0);
  }

  /** Blocks the content of all inodes needs. */
  contentBlocks(): number {
    let blocks = 0;
    for (let inode = 0; inode < this.count; inode += 1) blocks += this.blocks(inode);
    return blocks;
  }

  /** Bytes of all files. */
  fileBytes(): number {
    return this.nodes.reduce((sum, node) => sum + (node.kind === 'file' ? contentBytes(node) : 0), 0);
  }

  /** The path of an inode by its first name, for messages. */
  pathOf(inode: number): string {
    const names: string[] = [];
    for (let at = inode; at !== ROOT; at = this.parent(at)) names.push(this.#names[at] ?? '');
    return `/${Buffer.from(names.reverse().join('/'), 'latin1').toString('utf8')}`;
  }
}

function plainBlocks({ sizeBytes, verity }: DiskFile): number {
  return Math.ceil(sizeBytes / BLOCK_BYTES) + (verity === undefined ? 0 : verityBlocks(sizeBytes, verity));
}

/** Blocks of a file that was found to be one ext4 can hold. */
function fileStretches(file: DiskFile): readonly Stretch[] {
  const { sizeBytes, data, verity } = file;
  const stretches: Stretch[] = [];
  for (const { offsetBytes, lengthBytes } of data ?? [{ offsetBytes: 0, lengthBytes: sizeBytes }]) {
    const blocks = Math.ceil(lengthBytes / BLOCK_BYTES);
    if (blocks > 0) stretches.push({ logical: offsetBytes / BLOCK_BYTES, blocks });
  }
  if (verity !== undefined)
    stretches.push({ logical: verityStartBlock(sizeBytes), blocks: verityBlocks(sizeBytes, verity) });
  return stretches;
}
