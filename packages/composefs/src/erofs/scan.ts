import { latin1Of } from './byte-string.ts';
import { readDirectory } from './directory-reader.ts';
import { ACL_ACCESS, ACL_DEFAULT, DATA_LAYOUT, FILE_TYPE, OVERLAY, STUB_NAMES } from './format.ts';
import { type ImageView, malformed } from './image-view.ts';
import { readInode, type StoredInode } from './inode-reader.ts';
import { looksLikeWhiteout } from './node-of-inode.ts';
import { readSuperblock, type Superblock } from './superblock.ts';
import { partBelow, type TreePart } from './tree-part.ts';
import { AttributeReader } from './xattr-reader.ts';

/** A directory of the image and what is in it, stubs left out. */
export interface ScannedDirectory {
  readonly inode: StoredInode;
  readonly name: string;
  readonly parent: ScannedDirectory | undefined;
  /** What of it is read. */
  readonly part: TreePart;
  readonly directories: ScannedDirectory[];
  readonly leaves: { readonly name: string; readonly leaf: ScannedLeaf }[];
  holdsWhiteouts: boolean;
}

/** Anything else of the image. */
export interface ScannedLeaf {
  readonly inode: StoredInode;
  /** Names seen. */
  names: number;
  isWhiteout: boolean;
  /** The name whose place in the order is the inode's number, once met. */
  owner: { readonly directory: ScannedDirectory; readonly name: string } | undefined;
}

/** All of an image that was to be read, checked. */
export interface ScannedImage {
  readonly superblock: Superblock;
  /** Breadth first, the root first. */
  readonly directories: readonly ScannedDirectory[];
}

const STUBS: ReadonlySet<string> = new Set(STUB_NAMES);

/**
 * Reads every inode that can be reached, breadth first, each once.
 *
 * Nothing in the image decides how long this takes: what all inodes claim together may not be more than
 * the image has, a directory may be met only once, and there is no recursion.
 *
 * @param part with less than everything, what the image says of the whole is not checked
 */
export function scanImage(image: ImageView, part: TreePart = '**'): ScannedImage {
  const superblock = readSuperblock(image);
  const scan = new Scan(image, superblock, part);
  return { superblock, directories: scan.run() };
}

class Scan {
  readonly #image: ImageView;
  readonly #superblock: Superblock;
  readonly #part: TreePart;
  readonly #attributes: AttributeReader;
  readonly #directories: ScannedDirectory[] = [];
  readonly #directoryOffsets = new Set<number>();
  readonly #leaves = new Map<number, ScannedLeaf>();
  #stubs = 0;
  #nextIno = 1;
  #budgetBytes: number;
  #hasAcl = false;

  constructor(image: ImageView, superblock: Superblock, part: TreePart) {
    this.#image = image;
    this.#part = part;
    this.#superblock = superblock;
    this.#attributes = new AttributeReader(image, superblock.sharedBase);
    this.#budgetBytes = image.sizeBytes;
  }

  run(): readonly ScannedDirectory[] {
    const root = this.#inode(this.#superblock.rootOffset);
    if (root.fileType !== FILE_TYPE.directory) throw malformed(root.offset, 'the root is no directory');
    if (valueOf(root, OVERLAY.opaque) !== 'y') {
      throw malformed(root.offset, 'the root is not opaque');
    }
    this.#addDirectory(root, '', undefined, this.#part);
    for (const directory of this.#directories) this.#readEntries(directory);
    if (this.#part === '**') this.#checkWhole();
    return this.#directories;
  }

  #checkWhole(): void {
    const inodes = this.#directories.length + this.#leaves.size + this.#stubs;
    if (inodes !== this.#superblock.inodeCount)
      throw malformed(0, `it says it has another count of inodes than ${inodes}`);
    if (this.#hasAcl !== this.#superblock.hasAcl)
      throw malformed(0, 'the header is wrong about access lists');
  }

  #readEntries(directory: ScannedDirectory): void {
    const { inode, parent } = directory;
    let dots = 0;
    let subdirectories = 0;
    for (const { name, inodeOffset, fileType } of readDirectory(this.#image, inode)) {
      if (name === '.' || name === '..') {
        const expected = name === '.' ? inode.offset : (parent?.inode ?? inode).offset;
        if (inodeOffset !== expected) throw malformed(inode.offset, `a directory has a wrong "${name}"`);
        dots += 1;
        continue;
      }
      if (fileType === FILE_TYPE.directory) subdirectories += 1;
      this.#entry(directory, name, inodeOffset, fileType);
    }
    if (dots !== 2) throw malformed(inode.offset, 'a directory lacks "." or ".."');
    if (inode.nlink !== 2 + subdirectories) {
      throw malformed(inode.offset, 'a directory has a wrong link count');
    }
  }

  #entry(directory: ScannedDirectory, name: string, offset: number, fileType: number): void {
    const part = fileType === FILE_TYPE.directory ? partBelow(directory.part, name) : directory.part;
    if (part === undefined) return;
    const known = this.#leaves.get(offset);
    const inode = known?.inode ?? this.#inode(offset);
    if (inode.fileType !== fileType)
      throw malformed(offset, 'a directory entry has another type than its inode');
    if (inode.fileType === FILE_TYPE.directory) {
      if (inode.ino === this.#nextIno) this.#nextIno += 1;
      directory.directories.push(this.#addDirectory(inode, name, directory, part));
      return;
    }
    if (inode.fileType === FILE_TYPE.characterDevice && inode.data === 0) {
      this.#stub(directory, name, inode);
      return;
    }
    const leaf = known ?? { inode, names: 0, isWhiteout: false, owner: undefined };
    if (known === undefined) this.#leaves.set(offset, leaf);
    leaf.names += 1;
    directory.leaves.push({ name, leaf });
    if (inode.ino === this.#nextIno && leaf.owner === undefined) {
      leaf.owner = { directory, name };
      this.#nextIno += 1;
    }
    if (looksLikeWhiteout(inode) && this.#marksWhiteouts(directory.inode)) {
      leaf.isWhiteout = true;
      directory.holdsWhiteouts = true;
    }
  }

  /** The whiteouts of the root hide the object store and are not part of the tree; there may be no others. */
  #stub(directory: ScannedDirectory, name: string, inode: StoredInode): void {
    if (directory.parent !== undefined || !STUBS.has(name))
      throw malformed(inode.offset, 'a whiteout is not escaped');
    if (inode.nlink !== 1) throw malformed(inode.offset, 'a whiteout has more than one name');
    if (inode.ino === this.#nextIno) this.#nextIno += 1;
    this.#stubs += 1;
  }

  #marksWhiteouts(inode: StoredInode): boolean {
    const marked =
      valueOf(inode, OVERLAY.escapedWhiteouts) === '' && valueOf(inode, OVERLAY.userWhiteouts) === '';
    if (!marked || this.#superblock.formatVersion === 0) return marked;
    return valueOf(inode, OVERLAY.escapedOpaque) === 'x' && valueOf(inode, OVERLAY.userOpaque) === 'x';
  }

  #addDirectory(
    inode: StoredInode,
    name: string,
    parent: ScannedDirectory | undefined,
    part: TreePart,
  ): ScannedDirectory {
    if (this.#directoryOffsets.has(inode.offset)) throw malformed(inode.offset, 'a directory has two names');
    this.#directoryOffsets.add(inode.offset);
    const directory = { inode, name, parent, part, directories: [], leaves: [], holdsWhiteouts: false };
    this.#directories.push(directory);
    return directory;
  }

  #inode(offset: number): StoredInode {
    const inode = readInode(this.#image, this.#superblock, this.#attributes, offset);
    const holdsData = inode.fileType !== FILE_TYPE.regular || inode.layout !== DATA_LAYOUT.chunks;
    this.#budgetBytes -= inode.tailOffset - offset + (holdsData ? inode.sizeBytes : 0);
    if (this.#budgetBytes < 0) throw malformed(offset, 'inodes share bytes, or claim more than there are');
    if (inode.attributes.has(ACL_ACCESS) || inode.attributes.has(ACL_DEFAULT)) this.#hasAcl = true;
    return inode;
  }
}

function valueOf({ attributes }: StoredInode, key: string): string | undefined {
  const value = attributes.get(key);
  return value === undefined ? undefined : latin1Of(value);
}
