import { SlipwayError } from '@slipway/core';
import { crc32c } from '../checksum/crc32c.ts';
import {
  type DirectoryContent,
  type DirectoryEntry,
  type DirectorySeeds,
  encodeLeaf,
} from './directory-leaf.ts';
import { type DirectoryShape, NODE_CHILDREN, ROOT_CHILDREN, recordBytes } from './directory-shape.ts';
import { BLOCK_BYTES, DIRENT, ENTRY_TYPE, HASH_HALF_MD4 } from './format.ts';
import { nameHash } from './name-hash.ts';

/**
 * A directory with an index (kernel: "Hash Tree Directories"). The first block holds `.` and `..` and, hidden from readers that
 * know nothing of it in the length of `..`, the root of the index; nodes and leaves follow.
 */

/** In the root: `.`, `..`, then eight bytes about the hash; entries after that. In a node: one empty entry. */
const ROOT_INFO_AT = 24;
const ROOT_ENTRIES_AT = 32;
const NODE_ENTRIES_AT = 8;
const ENTRY_BYTES = 8;
const INFO_BYTES = 8;
const DOT_BYTES = 12;
const CHECKSUM_AT: number = BLOCK_BYTES - 4;

/** A block below another in the index: the smallest hash in it, and its number in the directory. */
interface Child {
  readonly hash: number;
  readonly block: number;
}

interface HashedEntry {
  readonly hash: number;
  readonly entry: DirectoryEntry;
}

/** Encodes a directory with its index. */
export function encodeIndexedDirectory(
  content: DirectoryContent,
  shape: Extract<DirectoryShape, { kind: 'indexed' }>,
  seeds: DirectorySeeds,
): Buffer {
  const bytes = Buffer.alloc(shape.blocks * BLOCK_BYTES);
  const blockAt = (block: number): Buffer => bytes.subarray(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES);
  let children = encodeLeaves(content.entries, shape, seeds, blockAt);
  if (shape.nodes > 0) {
    const parents: Child[] = [];
    for (let node = 0; node < shape.nodes; node += 1) {
      const own = children.slice(node * NODE_CHILDREN, (node + 1) * NODE_CHILDREN);
      encodeNode(blockAt(1 + node), own, seeds.checksum);
      parents.push({ hash: own[0]?.hash ?? 0, block: 1 + node });
    }
    children = parents;
  }
  encodeRoot(blockAt(0), content, children, { levels: shape.nodes > 0 ? 1 : 0, checksum: seeds.checksum });
  return bytes;
}

/** Deals the names out over the leaves in the order of their hashes, to each the same share of the bytes. */
function encodeLeaves(
  entries: readonly DirectoryEntry[],
  { nodes, leaves }: { readonly nodes: number; readonly leaves: number },
  seeds: DirectorySeeds,
  blockAt: (block: number) => Buffer,
): Child[] {
  const hashed = entries
    .map((entry): HashedEntry => ({ hash: nameHash(entry.name, seeds.hash), entry }))
    .sort((a, b) => a.hash - b.hash);
  const totalBytes = entries.reduce((sum, { name }) => sum + recordBytes(name), 0);
  const children: Child[] = [];
  let doneBytes = 0;
  let next = 0;
  for (let leaf = 0; leaf < leaves; leaf += 1) {
    const first = next;
    const endBytes = ((leaf + 1) * totalBytes) / leaves;
    for (let item = hashed[next]; item !== undefined && doneBytes < endBytes; item = hashed[next]) {
      doneBytes += recordBytes(item.entry.name);
      next += 1;
    }
    const own = hashed.slice(first, next);
    const block = 1 + nodes + leaf;
    const written = encodeLeaf(
      blockAt(block),
      own.map(({ entry }) => entry),
      0,
      seeds.checksum,
    );
    if (written !== own.length)
      throw new SlipwayError('INTERNAL', 'cannot fit the names of a directory into its leaves');
    children.push({ hash: firstHash(hashed, first), block });
  }
  return children;
}

/** The lowest bit says that names with this very hash stand in the leaf before, too. */
function firstHash(hashed: readonly HashedEntry[], index: number): number {
  const hash = hashed[index]?.hash ?? 0;
  return index > 0 && hashed[index - 1]?.hash === hash ? hash + 1 : hash;
}

function encodeRoot(
  block: Buffer,
  { inode, parent }: DirectoryContent,
  children: readonly Child[],
  { levels, checksum }: { readonly levels: number; readonly checksum: number },
): void {
  for (const [at, number, name, recordLength] of [
    [0, inode, '.', DOT_BYTES],
    [DOT_BYTES, parent, '..', BLOCK_BYTES - DOT_BYTES],
  ] as const) {
    block.writeUInt32LE(number, at + DIRENT.inode);
    block.writeUInt16LE(recordLength, at + DIRENT.recordBytes);
    block.writeUInt8(name.length, at + DIRENT.nameBytes);
    block.writeUInt8(ENTRY_TYPE.directory, at + DIRENT.type);
    block.write(name, at + DIRENT.name, 'latin1');
  }
  block.writeUInt8(HASH_HALF_MD4, ROOT_INFO_AT + 4);
  block.writeUInt8(INFO_BYTES, ROOT_INFO_AT + 5);
  block.writeUInt8(levels, ROOT_INFO_AT + 6);
  encodeChildren(block, ROOT_ENTRIES_AT, ROOT_CHILDREN, children, checksum);
}

function encodeNode(block: Buffer, children: readonly Child[], checksum: number): void {
  block.writeUInt16LE(BLOCK_BYTES, DIRENT.recordBytes);
  encodeChildren(block, NODE_ENTRIES_AT, NODE_CHILDREN, children, checksum);
}

/** The first child has no hash: in its place stand how many entries there could be, and how many there are. */
function encodeChildren(
  block: Buffer,
  from: number,
  limit: number,
  children: readonly Child[],
  seed: number,
): void {
  for (const [index, { hash, block: number }] of children.entries()) {
    block.writeUInt32LE(hash, from + index * ENTRY_BYTES);
    block.writeUInt32LE(number, from + index * ENTRY_BYTES + 4);
  }
  block.writeUInt16LE(limit, from);
  block.writeUInt16LE(children.length, from + 2);
  // The entries in use, then the tail without the checksum itself.
  const used = crc32c(seed, block, 0, from + children.length * ENTRY_BYTES);
  block.writeUInt32LE(crc32c(used, Buffer.alloc(8)), CHECKSUM_AT);
}
