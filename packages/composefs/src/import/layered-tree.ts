import { FIRST_ROOM, grown } from '@slipway/core';
import type { TarHeader } from '@slipway/oci';
import { NO_ENTRY, PackedStore } from '../packed/packed-store.ts';
import { PackedTree } from '../packed/packed-tree.ts';
import { NO_XATTRS } from '../packed/xattr-sets.ts';
import type { ByteString, DirectoryNode, FileContent, LeafNode, Metadata } from '../tree.ts';
import {
  checkHeader,
  ENTRY_LIMIT,
  type EntryPlace,
  entryComponents,
  type LayerEntry,
  refused,
} from './layer-entry.ts';

const WHITEOUT_PREFIX = '.wh.';
/** Whiteouts about the archive itself (`.wh..wh.aufs`, `.wh..wh.plnk`): bookkeeping of AUFS, never files. */
const WHITEOUT_META_PREFIX = '.wh..wh.';
const OPAQUE_WHITEOUT = '.wh..wh..opq';

/** Of a root no layer describes, and of directories a layer leaves out: the same wherever and whenever it is imported. */
const IMPLIED_DIRECTORY: Metadata = {
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtimeSec: 0,
  mtimeNsec: 0,
  xattrs: NO_XATTRS,
};

/**
 * The merged tree of an image, layer by layer (OCI image-spec `layer.md`; composefs-format section 12).
 *
 * Entries are applied in the order of the archive, so the last of several with one name wins. Whiteouts hide what lower
 * layers brought and never what their own layer brings, before or after them. A directory over a directory keeps its
 * children and takes the new metadata; anything else replaces whole. A hard link shares the node its target names at that
 * moment. Nothing is ever looked up through a symlink: an entry below one is refused.
 */
export class LayeredTree {
  readonly #store = new PackedStore();
  readonly #root: number = this.#store.addDirectory(IMPLIED_DIRECTORY);
  #layer = '';
  #layerNumber = 0;
  /** Of each entry, the last layer that put something there: what that layer's own whiteouts must leave alone. */
  #claims: Uint32Array<ArrayBuffer> = new Uint32Array(FIRST_ROOM);
  readonly #entryLimit: number;
  #entries = 0;
  /** The directory of the last entry: the next one is mostly beside it. */
  #lastParentPath: ByteString | undefined;
  #lastParent: number = this.#root;

  /** @param entryLimit see {@link ENTRY_LIMIT} */
  constructor(entryLimit: number = ENTRY_LIMIT) {
    this.#entryLimit = entryLimit;
  }

  /** Begins the next layer up. `name` is what messages call it. */
  beginLayer(name: string): void {
    this.#layer = name;
    this.#layerNumber += 1;
    this.#lastParentPath = undefined;
  }

  /**
   * Applies one entry.
   *
   * @throws SlipwayError LAYER_ENTRY_REFUSED, layer and entry named
   */
  apply({ header, content }: LayerEntry): void {
    const place: EntryPlace = { layer: this.#layer, path: header.path };
    this.#count(place);
    const names = entryComponents(header.path, place);
    const name = names.pop();
    if (name === undefined) this.#applyRoot(header, place);
    else if (name.startsWith(WHITEOUT_PREFIX)) this.#applyWhiteout(names, name, place);
    else this.#applyNode(names, name, header, content, place);
  }

  /** The tree so far. It must not be applied to any further. */
  finish(): DirectoryNode {
    this.#store.dropIndex();
    return new PackedTree(this.#store, this.#root).rootNode;
  }

  /** Bounds what a tree can grow to: one long path makes two thousand directories. */
  #count(place: EntryPlace): void {
    this.#entries += 1;
    if (this.#entries > this.#entryLimit)
      throw refused(place, `the image has more than ${this.#entryLimit} entries`);
  }

  #applyRoot(header: TarHeader, place: EntryPlace): void {
    if (header.kind !== 'directory') throw refused(place, 'the root is not a directory');
    checkHeader(header, place);
    this.#store.setMetadata(this.#root, metadataOf(header));
  }

  #applyNode(
    parents: readonly ByteString[],
    name: ByteString,
    header: TarHeader,
    content: FileContent | undefined,
    place: EntryPlace,
  ): void {
    const target = header.kind === 'hardlink' ? this.#linkTarget(header, place) : undefined;
    const entry = this.#claim(this.#parent(parents, place), name);
    if (target !== undefined) {
      this.#store.setNode(entry, target);
      return;
    }
    checkHeader(header, place);
    if (header.kind !== 'directory') {
      this.#store.setNode(entry, this.#store.addLeaf(leafOf(header, content, place)));
      return;
    }
    const existing = this.#store.nodeAt(entry);
    const meta = metadataOf(header);
    if (existing !== -1 && this.#store.isDirectory(existing)) this.#store.setMetadata(existing, meta);
    else this.#store.setNode(entry, this.#store.addDirectory(meta));
  }

  #linkTarget(header: TarHeader, place: EntryPlace): number {
    const target = JSON.stringify(header.linkTarget.slice(0, 300));
    const names = entryComponents(header.linkTarget, { layer: place.layer, path: place.path });
    const node = this.#nodeAt(names);
    if (node === -1) throw refused(place, `it is a hard link to ${target}, which is not there`);
    if (this.#store.isDirectory(node)) throw refused(place, `it is a hard link to ${target}, a directory`);
    return node;
  }

  /** What stands at a path; -1 for nothing. */
  #nodeAt(names: readonly ByteString[]): number {
    let node = this.#root;
    for (const name of names) {
      node = this.#store.isDirectory(node) ? this.#store.childAt(node, name) : -1;
      if (node === -1) return -1;
    }
    return node;
  }

  /** The directory an entry goes into. What a layer leaves out is made, as podman and docker do. */
  #parent(names: readonly ByteString[], place: EntryPlace): number {
    const path = names.join('/');
    if (path === this.#lastParentPath) return this.#lastParent;
    let directory = this.#root;
    for (const name of names) {
      const entry = this.#claim(directory, name);
      let child = this.#store.nodeAt(entry);
      if (child === -1) {
        this.#count(place);
        child = this.#store.addDirectory(IMPLIED_DIRECTORY);
        this.#store.setNode(entry, child);
      }
      if (!this.#store.isDirectory(child)) {
        const kind = this.#store.fileKind(child);
        throw refused(place, `${JSON.stringify(name)} in its path is a ${kind}`);
      }
      directory = child;
    }
    this.#lastParentPath = path;
    this.#lastParent = directory;
    return directory;
  }

  #applyWhiteout(parents: readonly ByteString[], name: ByteString, place: EntryPlace): void {
    const found = this.#nodeAt(parents);
    // Nothing to hide where there is no directory.
    const directory = found !== -1 && this.#store.isDirectory(found) ? found : undefined;
    if (name === OPAQUE_WHITEOUT) {
      if (directory !== undefined) this.#hideLower(directory);
    } else if (!name.startsWith(WHITEOUT_META_PREFIX)) {
      const hidden = name.slice(WHITEOUT_PREFIX.length);
      if (hidden === '' || hidden === '.' || hidden === '..')
        throw refused(place, 'it hides nothing by that name');
      const entry = directory === undefined ? NO_ENTRY : this.#store.find(directory, hidden);
      if (entry !== NO_ENTRY) this.#hide(entry);
    }
    // What was hidden may hold the directory remembered. (No other entry can: it replaces a child of that directory.)
    this.#lastParentPath = undefined;
  }

  /** Hides what lower layers have at an entry: all of it, or below a directory this layer has as well. */
  #hide(entry: number): void {
    if (this.#claims[entry] !== this.#layerNumber) {
      this.#store.setNode(entry, -1);
      return;
    }
    const child = this.#store.nodeAt(entry);
    if (child !== -1 && this.#store.isDirectory(child)) this.#hideLower(child);
  }

  #hideLower(directory: number): void {
    for (const entry of this.#store.entriesOf(directory)) this.#hide(entry);
  }

  /** The entry of a name, where this layer has something now. */
  #claim(directory: number, name: ByteString): number {
    const entry = this.#store.claim(directory, name);
    while (entry >= this.#claims.length) this.#claims = grown(this.#claims);
    this.#claims[entry] = this.#layerNumber;
    return entry;
  }
}

function leafOf(header: TarHeader, content: FileContent | undefined, place: EntryPlace): LeafNode {
  const meta = metadataOf(header);
  switch (header.kind) {
    case 'file':
      if (content === undefined) throw refused(place, 'it is a file without content');
      return { kind: 'regular', meta, content };
    case 'symlink':
      return { kind: 'symlink', meta, target: header.linkTarget };
    case 'character-device':
    case 'block-device':
      return { kind: header.kind, meta, major: header.deviceMajor, minor: header.deviceMinor };
    case 'fifo':
      return { kind: 'fifo', meta };
    case 'directory':
    case 'hardlink':
      break;
  }
  throw new Error(`internal error: a ${header.kind} is no leaf`);
}

function metadataOf(header: TarHeader): Metadata {
  return {
    mode: header.mode & 0o7777,
    uid: header.uid,
    gid: header.gid,
    mtimeSec: header.mtimeSec,
    mtimeNsec: header.mtimeNsec,
    xattrs: header.xattrs.size === 0 ? NO_XATTRS : header.xattrs,
  };
}
