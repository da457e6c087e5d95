import { SlipwayError } from '@slipway/core';
import type { DiskDirectory, DiskFile, DiskNode } from '../tree.ts';
import { type DirectoryShape, directoryShape } from './directory-shape.ts';
import type { Stretch } from './extent.ts';
import { BLOCK_BYTES, INLINE_BLOCK_BYTES, INODE_NUMBER, MAX_FILE_BLOCKS, MAX_LINKS } from './format.ts';
import { verityBlocks, verityStartBlock } from './verity.ts';
import { type EncodedXattrs, encodeXattrs } from './xattr.ts';

/** A node of the tree with its inode number and all that is known before it has a place. */
export interface ScannedInode {
  readonly number: number;
  readonly node: DiskNode;
  readonly name: string;
  readonly parent: ScannedInode | undefined;
  readonly links: number;
  readonly xattrs: EncodedXattrs;
  readonly sizeBytes: number;
  /** Blocks its content needs. */
  readonly stretches: readonly Stretch[];
  /** Of a directory: how its names are laid out. */
  readonly shape: DirectoryShape | undefined;
  /** Of a directory: its names in byte order. */
  readonly entries: readonly ScannedEntry[];
}

/** A name and what it names. */
export interface ScannedEntry {
  readonly name: string;
  readonly inode: ScannedInode;
}

type Draft = { -readonly [Key in keyof ScannedInode]: ScannedInode[Key] } & {
  readonly entries: ScannedEntry[];
};

const MAX_NAME_BYTES = 255;
const MAX_TARGET_BYTES = BLOCK_BYTES - 1;
const LOST_AND_FOUND = 'lost+found';
/** mke2fs makes it that large, so that a check of a full disk has room for what it finds. */
const LOST_AND_FOUND_BLOCKS = 4;

/**
 * Numbers the inodes of a tree, in byte order of names, parents first, and finds out what each needs.
 *
 * @returns the inodes in order of their numbers; the root is the first
 * @throws SlipwayError DISK_NAME_INVALID, DISK_TREE_INVALID for what ext4 cannot hold
 */
export function scanTree(tree: DiskDirectory, timeSec: number): readonly ScannedInode[] {
  const inodes: Draft[] = [];
  const seen = new Map<DiskNode, Draft>();
  let nextNumber: number = INODE_NUMBER.firstFree + 1;

  function numberFor(name: string, parent: Draft | undefined): number {
    if (parent === undefined) return INODE_NUMBER.root;
    if (name === LOST_AND_FOUND && parent.parent === undefined) return INODE_NUMBER.firstFree;
    nextNumber += 1;
    return nextNumber - 1;
  }

  // Not recursive: a tree may be deeper than the stack of the engine.
  const pending: { node: DiskNode; name: string; parent: Draft | undefined }[] = [
    { node: withLostAndFound(tree, timeSec), name: '', parent: undefined },
  ];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { node, name, parent } = next;
    const known = seen.get(node);
    const inode = known ?? describe(node, name, parent, numberFor(name, parent));
    if (known === undefined) {
      seen.set(node, inode);
      inodes.push(inode);
    } else {
      addLink(known, name);
    }
    parent?.entries.push({ name, inode });
    if (node.kind !== 'directory') continue;
    if (parent !== undefined) parent.links = countedLinks(parent.links);
    for (const childName of [...node.entries.keys()].sort().reverse()) {
      const child = node.entries.get(childName);
      if (child !== undefined) pending.push({ node: child, name: childName, parent: inode });
    }
  }
  return inodes.sort((a, b) => a.number - b.number);
}

/** The path of an inode by its first name, for messages. */
export function pathOf(inode: ScannedInode): string {
  const names: string[] = [];
  for (let at: ScannedInode | undefined = inode; at?.parent !== undefined; at = at.parent)
    names.push(at.name);
  return `/${Buffer.from(names.reverse().join('/'), 'latin1').toString('utf8')}`;
}

function describe(node: DiskNode, name: string, parent: Draft | undefined, number: number): Draft {
  const draft: Draft = {
    number,
    node,
    name,
    parent,
    links: node.kind === 'directory' ? 2 : 1,
    xattrs: { inline: undefined, block: undefined },
    sizeBytes: 0,
    stretches: [],
    shape: undefined,
    entries: [],
  };
  if (parent !== undefined) checkName(name, draft);
  draft.xattrs = encodeXattrs(node.meta.xattrs, () => pathOf(draft));
  if (node.kind === 'directory') {
    draft.shape = shapeOf(node, number);
    draft.sizeBytes = draft.shape.blocks * BLOCK_BYTES;
    draft.stretches = [{ logical: 0, blocks: draft.shape.blocks }];
  } else if (node.kind === 'file') {
    draft.sizeBytes = node.sizeBytes;
    draft.stretches = fileStretches(node, draft);
  } else if (node.kind === 'symlink') {
    const { length } = node.target;
    if (length === 0 || length > MAX_TARGET_BYTES || node.target.includes('\0')) {
      refuse(draft, `a symlink has 1 to ${MAX_TARGET_BYTES} bytes without a zero, this one has ${length}`);
    }
    draft.sizeBytes = length;
    if (length >= INLINE_BLOCK_BYTES) draft.stretches = [{ logical: 0, blocks: 1 }];
  }
  return draft;
}

function shapeOf({ entries }: DiskDirectory, number: number): DirectoryShape {
  const shape = directoryShape([...entries.keys()].sort());
  const isSmall = number === INODE_NUMBER.firstFree && shape.blocks < LOST_AND_FOUND_BLOCKS;
  return isSmall && shape.kind === 'linear' ? { ...shape, blocks: LOST_AND_FOUND_BLOCKS } : shape;
}

function fileStretches(file: DiskFile, inode: ScannedInode): readonly Stretch[] {
  const { sizeBytes, data, verity } = file;
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) refuse(inode, `a size of ${sizeBytes}`);
  if (verity !== undefined && data !== undefined) refuse(inode, 'a sealed file has no holes');
  const stretches: Stretch[] = [];
  let previousEnd = 0;
  for (const { offsetBytes, lengthBytes } of data ?? [{ offsetBytes: 0, lengthBytes: sizeBytes }]) {
    const end = offsetBytes + lengthBytes;
    const aligned = offsetBytes % BLOCK_BYTES === 0 && (end % BLOCK_BYTES === 0 || end === sizeBytes);
    if (!aligned || lengthBytes < 0 || offsetBytes < previousEnd || end > sizeBytes)
      refuse(inode, 'misplaced data ranges');
    const blocks = Math.ceil(lengthBytes / BLOCK_BYTES);
    if (blocks > 0) stretches.push({ logical: offsetBytes / BLOCK_BYTES, blocks });
    previousEnd = end;
  }
  if (verity !== undefined) {
    stretches.push({ logical: verityStartBlock(sizeBytes), blocks: verityBlocks(sizeBytes, verity) });
  }
  const last = stretches.at(-1);
  const blocks = Math.max(
    Math.ceil(sizeBytes / BLOCK_BYTES),
    last === undefined ? 0 : last.logical + last.blocks,
  );
  if (blocks > MAX_FILE_BLOCKS) refuse(inode, 'ext4 holds files below 16 TiB only');
  return stretches;
}

function addLink(inode: Draft, name: string): void {
  if (inode.node.kind === 'directory') refuse(inode, `a directory has one name only, not also ${name}`);
  if (inode.links === MAX_LINKS) refuse(inode, `more than ${MAX_LINKS} hard links`);
  checkName(name, inode);
  inode.links += 1;
}

/** A directory with too many subdirectories to count says 1. */
function countedLinks(links: number): number {
  return links === 1 || links >= MAX_LINKS ? 1 : links + 1;
}

function withLostAndFound(tree: DiskDirectory, timeSec: number): DiskDirectory {
  if (tree.entries.has(LOST_AND_FOUND)) return tree;
  const meta = { mode: 0o700, uid: 0, gid: 0, mtimeSec: timeSec, mtimeNsec: 0 };
  const lostAndFound: DiskDirectory = { kind: 'directory', meta, entries: new Map() };
  return { ...tree, entries: new Map([...tree.entries, [LOST_AND_FOUND, lostAndFound]]) };
}

function checkName(name: string, inode: ScannedInode): void {
  const bad =
    name === '' || name === '.' || name === '..' || /[/\0]/.test(name) || name.length > MAX_NAME_BYTES;
  if (bad) {
    throw new SlipwayError('DISK_NAME_INVALID', `cannot write ${pathOf(inode)}: ext4 has no such name`, {
      hint: `a name has 1 to ${MAX_NAME_BYTES} bytes`,
    });
  }
}

function refuse(inode: ScannedInode, why: string): never {
  throw new SlipwayError('DISK_TREE_INVALID', `cannot write ${pathOf(inode)}: ${why}`, {
    details: { path: pathOf(inode) },
  });
}
