import { SlipwayError } from '@slipway/core';
import type { DiskDirectory, DiskFile, DiskNode } from '../tree.ts';
import { type DirectoryShape, directoryShape } from './directory-shape.ts';
import { BLOCK_BYTES, MAX_FILE_BLOCKS, MAX_LINKS } from './format.ts';
import { LOST_AND_FOUND, ROOT, ScannedTree } from './scanned-tree.ts';
import { encodeXattrs } from './xattr.ts';

const MAX_NAME_BYTES = 255;
const MAX_TARGET_BYTES = BLOCK_BYTES - 1;
const LOST_AND_FOUND_NAME = 'lost+found';
/** mke2fs makes it that large, so that a check of a full disk has room for what it finds. */
const LOST_AND_FOUND_BLOCKS = 4;

/**
 * Numbers the inodes of a tree, in byte order of names, parents first, and finds out what each needs.
 *
 * @throws SlipwayError DISK_NAME_INVALID, DISK_TREE_INVALID for what ext4 cannot hold
 */
export function scanTree(tree: DiskDirectory, timeSec: number): ScannedTree {
  return new TreeScan().run(tree, timeSec);
}

/** A directory whose names are being gone through. */
interface OpenDirectory {
  readonly inode: number;
  readonly entries: DiskDirectory['entries'];
  readonly names: readonly string[];
  readonly inodes: Uint32Array;
  done: number;
}

class TreeScan {
  readonly #scanned = new ScannedTree();
  readonly #seen = new Map<DiskNode, number>();
  /** From the root to where the scan is. Not recursive: a tree may be deeper than the stack of the engine. */
  readonly #open: OpenDirectory[] = [];

  run(tree: DiskDirectory, timeSec: number): ScannedTree {
    const lostAndFound = lostAndFoundOf(tree, timeSec);
    const root = { ...tree, entries: new Map([...tree.entries, [LOST_AND_FOUND_NAME, lostAndFound]]) };
    // The two whose numbers are fixed come first; the second is looked at where its name stands.
    for (const [node, name] of [
      [root, ''],
      [lostAndFound, LOST_AND_FOUND_NAME],
    ] as const)
      this.#seen.set(node, this.#scanned.add(node, name, ROOT));
    this.#describe(root, ROOT);
    for (let top = this.#open.at(-1); top !== undefined; top = this.#open.at(-1)) {
      const name = top.names[top.done];
      const node = name === undefined ? undefined : top.entries.get(name);
      if (name === undefined || node === undefined) {
        this.#open.pop();
        continue;
      }
      top.done += 1;
      top.inodes[top.done - 1] = this.#enter(node, name, top.inode);
    }
    return this.#scanned;
  }

  /** The inode of a name; a new one where its node was not met before. */
  #enter(node: DiskNode, name: string, parent: number): number {
    const isLostAndFound = parent === ROOT && name === LOST_AND_FOUND_NAME;
    const known = this.#seen.get(node);
    if (known !== undefined && !isLostAndFound) {
      this.#addLink(node, known, name);
      return known;
    }
    const inode = known ?? this.#scanned.add(node, name, parent);
    this.#seen.set(node, inode);
    this.#checkName(name, inode);
    this.#describe(node, inode);
    if (node.kind === 'directory') this.#scanned.setLinks(parent, countedLinks(this.#scanned.links(parent)));
    return inode;
  }

  #describe(node: DiskNode, inode: number): void {
    this.#scanned.setXattrs(
      inode,
      encodeXattrs(node.meta.xattrs, () => this.#scanned.pathOf(inode)),
    );
    if (node.kind === 'directory') this.#openDirectory(node, inode);
    else if (node.kind === 'file') this.#checkFile(node, inode);
    else if (node.kind === 'symlink') this.#checkTarget(node.target, inode);
  }

  #openDirectory({ entries }: DiskDirectory, inode: number): void {
    const names = [...entries.keys()].sort();
    const inodes = new Uint32Array(names.length);
    this.#scanned.directories.set(inode, { shape: shapeOf(names, inode), names, inodes });
    this.#open.push({ inode, entries, names, inodes, done: 0 });
  }

  #checkFile(file: DiskFile, inode: number): void {
    const { sizeBytes, data, verity } = file;
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) this.#refuse(inode, `a size of ${sizeBytes}`);
    if (verity !== undefined && data !== undefined) this.#refuse(inode, 'a sealed file has no holes');
    let previousEnd = 0;
    for (const { offsetBytes, lengthBytes } of data ?? []) {
      const end = offsetBytes + lengthBytes;
      const aligned = offsetBytes % BLOCK_BYTES === 0 && (end % BLOCK_BYTES === 0 || end === sizeBytes);
      if (!aligned || lengthBytes < 0 || offsetBytes < previousEnd || end > sizeBytes)
        this.#refuse(inode, 'misplaced data ranges');
      previousEnd = end;
    }
    const last = this.#scanned.stretches(inode).at(-1);
    const blocks = Math.max(
      Math.ceil(sizeBytes / BLOCK_BYTES),
      last === undefined ? 0 : last.logical + last.blocks,
    );
    if (blocks > MAX_FILE_BLOCKS) this.#refuse(inode, 'ext4 holds files below 16 TiB only');
  }

  #checkTarget(target: string, inode: number): void {
    const { length } = target;
    if (length > 0 && length <= MAX_TARGET_BYTES && !target.includes('\0')) return;
    this.#refuse(
      inode,
      `a symlink has 1 to ${MAX_TARGET_BYTES} bytes without a zero, this one has ${length}`,
    );
  }

  #addLink(node: DiskNode, inode: number, name: string): void {
    const links = this.#scanned.links(inode);
    if (node.kind === 'directory') this.#refuse(inode, `a directory has one name only, not also ${name}`);
    if (links === MAX_LINKS) this.#refuse(inode, `more than ${MAX_LINKS} hard links`);
    this.#checkName(name, inode);
    this.#scanned.setLinks(inode, links + 1);
  }

  #checkName(name: string, inode: number): void {
    const bad =
      name === '' || name === '.' || name === '..' || /[/\0]/.test(name) || name.length > MAX_NAME_BYTES;
    if (!bad) return;
    const path = this.#scanned.pathOf(inode);
    throw new SlipwayError('DISK_NAME_INVALID', `cannot write ${path}: ext4 has no such name`, {
      hint: `a name has 1 to ${MAX_NAME_BYTES} bytes`,
    });
  }

  #refuse(inode: number, why: string): never {
    const path = this.#scanned.pathOf(inode);
    throw new SlipwayError('DISK_TREE_INVALID', `cannot write ${path}: ${why}`, { details: { path } });
  }
}

function shapeOf(names: readonly string[], inode: number): DirectoryShape {
  const shape = directoryShape(names);
  const isSmall = inode === LOST_AND_FOUND && shape.blocks < LOST_AND_FOUND_BLOCKS;
  return isSmall && shape.kind === 'linear' ? { ...shape, blocks: LOST_AND_FOUND_BLOCKS } : shape;
}

/** A directory with too many subdirectories to count says 1. */
function countedLinks(links: number): number {
  return links === 1 || links >= MAX_LINKS ? 1 : links + 1;
}

function lostAndFoundOf(tree: DiskDirectory, timeSec: number): DiskNode {
  const meta = { mode: 0o700, uid: 0, gid: 0, mtimeSec: timeSec, mtimeNsec: 0 };
  return tree.entries.get(LOST_AND_FOUND_NAME) ?? { kind: 'directory', meta, entries: new Map() };
}
