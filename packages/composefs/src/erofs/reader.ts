import type { DirectoryNode, LeafNode, RegularNode, TreeNode } from '../tree.ts';
import type { LeafFacts, TreeFacts } from './facts.ts';
import { type FormatVersion, OVERLAY } from './format.ts';
import { ImageView } from './image-view.ts';
import {
  ADDED_TO_WHITEOUT_PARENT_V0,
  ADDED_TO_WHITEOUT_PARENT_V1,
  type AddedAttributes,
  leafOf,
  metadataOf,
  whiteoutOf,
} from './node-of-inode.ts';
import { comesFirst, type OpenDirectory, type Place } from './open-directory.ts';
import { type ScannedDirectory, type ScannedImage, type ScannedLeaf, scanImage } from './scan.ts';
import { treePart } from './tree-part.ts';

/** Everything an image says. Written again with the same version and facts, it gives the same bytes. */
export interface ErofsContents {
  readonly root: DirectoryNode;
  /** What a tree cannot say about hard links; empty for images of Slipway. */
  readonly facts: TreeFacts;
  readonly formatVersion: FormatVersion;
  /** What directories have in this image and not in the tree. */
  readonly directories: ReadonlyMap<DirectoryNode, StoredDirectory>;
}

/** A regular file of an image, by the last part of its path. */
export interface ErofsFile {
  readonly name: string;
  readonly node: RegularNode;
}

/** How a directory stands in an image. */
export interface StoredDirectory {
  /** `st_size` of the mounted image: what its entries take. */
  readonly sizeBytes: number;
  /** It holds whiteouts, so the writer marked it. */
  readonly holdsWhiteouts: boolean;
}

/**
 * The tree an image was written from: overlay escapes undone, stubs dropped, one node under all names of
 * a hard link. For bytes from anywhere: every field is checked, and neither time nor memory grows past
 * what the length of the image allows.
 *
 * Small bodies and attribute values are views of `bytes`, which stay in memory as long as the tree.
 *
 * @throws SlipwayError EROFS_INVALID with the offset of what is wrong
 */
export function readErofs(bytes: Uint8Array): DirectoryNode {
  return readErofsContents(bytes).root;
}

/**
 * The same of a part of the tree: of a whole system's, `/etc` alone is there in a tenth of the time.
 *
 * @param patterns as of {@link treePart}
 * @throws SlipwayError EROFS_INVALID with the offset of what is wrong in what was read
 */
export function readErofsPart(bytes: Uint8Array, patterns: readonly string[]): DirectoryNode {
  const image = new ImageView(bytes);
  return new TreeBuilder(image, scanImage(image, treePart(patterns))).build().root;
}

/**
 * The same with what a tree cannot say.
 *
 * @throws SlipwayError EROFS_INVALID with the offset of what is wrong
 */
export function readErofsContents(bytes: Uint8Array): ErofsContents {
  const image = new ImageView(bytes);
  const scanned = scanImage(image);
  const builder = new TreeBuilder(image, scanned);
  return { ...builder.build(), formatVersion: scanned.superblock.formatVersion };
}

/**
 * The regular files of an image without their tree, which takes half as long: under their last names, those with several names as often.
 *
 * @throws SlipwayError EROFS_INVALID with the offset of what is wrong
 */
export function* erofsFiles(bytes: Uint8Array): Generator<ErofsFile, void, undefined> {
  const image = new ImageView(bytes);
  for (const { leaves } of scanImage(image).directories) {
    for (const { name, leaf } of leaves) {
      if (leaf.isWhiteout) continue;
      const node = leafOf(image, leaf.inode);
      if (node.kind === 'regular') yield { name, node };
    }
  }
}

class TreeBuilder {
  readonly #image: ImageView;
  readonly #scanned: ScannedImage;
  readonly #opened = new Map<ScannedDirectory, OpenDirectory>();
  readonly #leaves = new Map<ScannedLeaf, LeafNode>();
  /** First name depth first of every leaf that has more than one. */
  readonly #firstPlaces = new Map<ScannedLeaf, Place>();

  constructor(image: ImageView, scanned: ScannedImage) {
    this.#image = image;
    this.#scanned = scanned;
  }

  build(): Omit<ErofsContents, 'formatVersion'> {
    const [rootDirectory] = this.#scanned.directories.map((directory) => this.#directory(directory));
    if (rootDirectory === undefined) throw new Error('unreachable: every image has a root');
    return { root: rootDirectory.node, facts: this.#facts(), directories: this.#stored() };
  }

  #stored(): ReadonlyMap<DirectoryNode, StoredDirectory> {
    const stored = new Map<DirectoryNode, StoredDirectory>();
    for (const [{ inode, holdsWhiteouts }, { node }] of this.#opened) {
      stored.set(node, { sizeBytes: inode.sizeBytes, holdsWhiteouts });
    }
    return stored;
  }

  /** Parents come before their children, so a directory puts itself where it belongs. */
  #directory(directory: ScannedDirectory): OpenDirectory {
    const parent = directory.parent === undefined ? undefined : this.#opened.get(directory.parent);
    const entries = new Map<string, TreeNode>();
    const node: DirectoryNode = {
      kind: 'directory',
      meta: metadataOf(directory.inode, this.#added(directory)),
      entries,
    };
    const opened: OpenDirectory = { node, entries, parent, name: directory.name };
    this.#opened.set(directory, opened);
    parent?.entries.set(directory.name, node);
    for (const { name, leaf } of directory.leaves) {
      entries.set(name, this.#leaf(leaf));
      if (leaf.names > 1) this.#notePlace(leaf, { directory: opened, name });
    }
    return opened;
  }

  #leaf(leaf: ScannedLeaf): LeafNode {
    const known = this.#leaves.get(leaf);
    if (known !== undefined) return known;
    const node = leaf.isWhiteout ? whiteoutOf(leaf.inode) : leafOf(this.#image, leaf.inode);
    this.#leaves.set(leaf, node);
    return node;
  }

  #notePlace(leaf: ScannedLeaf, place: Place): void {
    const first = this.#firstPlaces.get(leaf);
    if (first === undefined || comesFirst(place, first)) this.#firstPlaces.set(leaf, place);
  }

  #added({ parent, holdsWhiteouts }: ScannedDirectory): AddedAttributes {
    const { formatVersion } = this.#scanned.superblock;
    const toParent = formatVersion === 0 ? ADDED_TO_WHITEOUT_PARENT_V0 : ADDED_TO_WHITEOUT_PARENT_V1;
    const added = holdsWhiteouts ? toParent : new Set<string>();
    return parent === undefined ? new Set([...added, OVERLAY.opaque]) : added;
  }

  #facts(): TreeFacts {
    const facts = new Map<LeafNode, LeafFacts>();
    for (const [leaf, node] of this.#leaves) {
      const { nlink } = leaf.inode;
      const first = this.#firstPlaces.get(leaf);
      const owner = leaf.owner === undefined ? undefined : this.#placeOf(leaf.owner);
      const ownsElsewhere =
        owner !== undefined && first !== undefined && comesFirst(first, owner)
          ? { owner: { directory: owner.directory.node, name: owner.name } }
          : {};
      const otherCount = nlink === leaf.names ? {} : { nlink };
      if (nlink !== leaf.names || 'owner' in ownsElsewhere)
        facts.set(node, { ...otherCount, ...ownsElsewhere });
    }
    return facts;
  }

  #placeOf({ directory, name }: { directory: ScannedDirectory; name: string }): Place | undefined {
    const opened = this.#opened.get(directory);
    return opened === undefined ? undefined : { directory: opened, name };
  }
}
