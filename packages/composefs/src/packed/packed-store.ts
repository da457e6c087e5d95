import { randomInt } from 'node:crypto';
import { FIRST_ROOM, grown } from '@slipway/core';
import type { ByteString, FileContent, LeafNode, Metadata, TreeNode } from '../tree.ts';
import { ByteArena } from './byte-arena.ts';
import { XattrSets } from './xattr-sets.ts';

/** What a node is: the kinds of a tree, files by where their bytes are. */
export const NODE = {
  directory: 1,
  /** First: position of the bytes; second: their count. */
  inline: 2,
  /** First: position of a digest of 32 bytes; second: length of the file. */
  object32: 3,
  /** The same with a digest of 64 bytes. */
  object64: 4,
  /** First: which of the contents that are told by nothing else. */
  unusual: 5,
  /** First: position of the target; second: its length. */
  symlink: 6,
  /** First: major; second: minor. */
  characterDevice: 7,
  blockDevice: 8,
  fifo: 9,
  socket: 10,
} as const;

const FILE_KINDS: Readonly<Record<number, TreeNode['kind']>> = {
  [NODE.directory]: 'directory',
  [NODE.symlink]: 'symlink',
  [NODE.characterDevice]: 'character-device',
  [NODE.blockDevice]: 'block-device',
  [NODE.fifo]: 'fifo',
  [NODE.socket]: 'socket',
};

/** No entry. */
export const NO_ENTRY = -1;

/**
 * File trees in columns of numbers: about 130 bytes for a file with its name and digest, a fifth of what objects take, so that a
 * tree of a million files fits where a small host has room. Nodes and the names they stand at are counted from 0 and never
 * removed; several roots may share nodes.
 */
export class PackedStore {
  /** Names, targets, digests, contents. */
  readonly bytes: ByteArena = new ByteArena();
  readonly xattrSets: XattrSets = new XattrSets();
  /** Contents of {@link NODE.unusual}. */
  readonly contents: FileContent[] = [];

  nodeCount = 0;
  kinds: Uint8Array<ArrayBuffer> = new Uint8Array(FIRST_ROOM);
  modes: Uint16Array<ArrayBuffer> = new Uint16Array(FIRST_ROOM);
  uids: Uint32Array<ArrayBuffer> = new Uint32Array(FIRST_ROOM);
  gids: Uint32Array<ArrayBuffer> = new Uint32Array(FIRST_ROOM);
  mtimesSec: Float64Array<ArrayBuffer> = new Float64Array(FIRST_ROOM);
  mtimesNsec: Uint32Array<ArrayBuffer> = new Uint32Array(FIRST_ROOM);
  /** Number of the set of extended attributes. */
  xattrs: Uint32Array<ArrayBuffer> = new Uint32Array(FIRST_ROOM);
  /** By kind, see {@link NODE}; of a directory its first entry and 1. */
  first: Uint32Array<ArrayBuffer> = new Uint32Array(FIRST_ROOM);
  /** By kind; of a directory its last entry and 1. */
  second: Float64Array<ArrayBuffer> = new Float64Array(FIRST_ROOM);

  entryCount = 0;
  /** What stands at the name, and 1; 0 for nothing any more. */
  entryNodes: Uint32Array<ArrayBuffer> = new Uint32Array(FIRST_ROOM);
  /** The next entry of the same directory, and 1. */
  entryNext: Uint32Array<ArrayBuffer> = new Uint32Array(FIRST_ROOM);
  entryParents: Uint32Array<ArrayBuffer> = new Uint32Array(FIRST_ROOM);
  nameStarts: Uint32Array<ArrayBuffer> = new Uint32Array(FIRST_ROOM);
  nameLengths: Uint8Array<ArrayBuffer> = new Uint8Array(FIRST_ROOM);
  /** Entries and 1 by directory and name, at most half of them taken; empty until something is looked for. */
  #slots = new Uint32Array(0);
  readonly #seed: number = randomInt(2 ** 32);

  /** A node that stands nowhere yet. */
  addNode(kind: number, meta: Metadata, first: number, second: number): number {
    const node = this.nodeCount;
    if (node === this.kinds.length) this.#growNodes();
    this.nodeCount += 1;
    this.kinds[node] = kind;
    this.first[node] = first;
    this.second[node] = second;
    this.setMetadata(node, meta);
    return node;
  }

  addDirectory(meta: Metadata): number {
    return this.addNode(NODE.directory, meta, 0, 0);
  }

  addLeaf(leaf: LeafNode): number {
    switch (leaf.kind) {
      case 'regular':
        return this.#addFile(leaf.meta, leaf.content);
      case 'symlink':
        return this.addNode(NODE.symlink, leaf.meta, this.bytes.addText(leaf.target), leaf.target.length);
      case 'character-device':
        return this.addNode(NODE.characterDevice, leaf.meta, leaf.major, leaf.minor);
      case 'block-device':
        return this.addNode(NODE.blockDevice, leaf.meta, leaf.major, leaf.minor);
      case 'fifo':
      case 'socket':
        break;
    }
    return this.addNode(leaf.kind === 'fifo' ? NODE.fifo : NODE.socket, leaf.meta, 0, 0);
  }

  setMetadata(node: number, meta: Metadata): void {
    this.modes[node] = meta.mode;
    this.uids[node] = meta.uid;
    this.gids[node] = meta.gid;
    this.mtimesSec[node] = meta.mtimeSec;
    this.mtimesNsec[node] = meta.mtimeNsec;
    this.xattrs[node] = this.xattrSets.add(meta.xattrs);
  }

  /** What the columns say of a node, with these attributes. */
  metadata(node: number, xattrs: number): Metadata {
    return {
      mode: this.modes[node] ?? 0,
      uid: this.uids[node] ?? 0,
      gid: this.gids[node] ?? 0,
      mtimeSec: this.mtimesSec[node] ?? 0,
      mtimeNsec: this.mtimesNsec[node] ?? 0,
      xattrs: this.xattrSets.get(xattrs),
    };
  }

  isDirectory(node: number): boolean {
    return this.kinds[node] === NODE.directory;
  }

  /** What kind of file a node is. */
  fileKind(node: number): TreeNode['kind'] {
    return FILE_KINDS[this.kinds[node] ?? 0] ?? 'regular';
  }

  /** The digest of an object a file is in, where it leads to it by itself. */
  digest(node: number): Buffer | undefined {
    const kind = this.kinds[node];
    if (kind === NODE.object32) return this.bytes.bytes(this.first[node] ?? 0, 32);
    return kind === NODE.object64 ? this.bytes.bytes(this.first[node] ?? 0, 64) : undefined;
  }

  /** What a leaf is beside its metadata. */
  leaf(node: number, meta: Metadata): LeafNode {
    const [first, second] = [this.first[node] ?? 0, this.second[node] ?? 0];
    switch (this.kinds[node] ?? 0) {
      case NODE.symlink:
        return { kind: 'symlink', meta, target: this.bytes.text(first, second) };
      case NODE.characterDevice:
        return { kind: 'character-device', meta, major: first, minor: second };
      case NODE.blockDevice:
        return { kind: 'block-device', meta, major: first, minor: second };
      case NODE.fifo:
        return { kind: 'fifo', meta };
      case NODE.socket:
        return { kind: 'socket', meta };
      default:
        return { kind: 'regular', meta, content: this.content(node) };
    }
  }

  /** Content of a regular file. */
  content(node: number): FileContent {
    const [first, second] = [this.first[node] ?? 0, this.second[node] ?? 0];
    if (this.kinds[node] === NODE.inline) {
      return { kind: 'inline', bytes: second === 0 ? new Uint8Array(0) : this.bytes.bytes(first, second) };
    }
    const digest = this.digest(node);
    if (digest !== undefined) return { kind: 'object', sizeBytes: second, digest };
    const unusual = this.contents[first];
    if (unusual === undefined) throw new Error('internal error: a node without content');
    return unusual;
  }

  /** A name of a directory that does not have it, and is not told of it. */
  addEntry(directory: number, name: ByteString, node: number): number {
    const entry = this.entryCount;
    if (entry === this.entryNodes.length) this.#growEntries();
    this.entryCount += 1;
    this.entryNodes[entry] = node + 1;
    this.entryNext[entry] = 0;
    this.entryParents[entry] = directory;
    this.nameStarts[entry] = this.bytes.addText(name);
    this.nameLengths[entry] = name.length;
    return entry;
  }

  /** Puts a name at the end of a directory that does not have it. */
  append(directory: number, name: ByteString, node: number): number {
    const entry = this.addEntry(directory, name, node);
    const last = this.second[directory] ?? 0;
    if (last === 0) this.first[directory] = entry + 1;
    else this.entryNext[last - 1] = entry + 1;
    this.second[directory] = entry + 1;
    return entry;
  }

  /** The entry of a name, whatever stands there now; {@link NO_ENTRY} for a name the directory never had. */
  find(directory: number, name: ByteString): number {
    if (this.#slots.length === 0) this.#index(FIRST_ROOM);
    return (this.#slots[this.#slotOf(directory, name)] ?? 0) - 1;
  }

  /** The entry of a name, made where there is none; nothing stands at a new one. */
  claim(directory: number, name: ByteString): number {
    if (this.#slots.length === 0) this.#index(FIRST_ROOM);
    const slot = this.#slotOf(directory, name);
    const known = this.#slots[slot] ?? 0;
    if (known !== 0) return known - 1;
    const entry = this.append(directory, name, -1);
    this.#slots[slot] = entry + 1;
    if (this.entryCount * 2 > this.#slots.length) this.#index(this.#slots.length);
    return entry;
  }

  /** What stands at a name; -1 for nothing. */
  childAt(directory: number, name: ByteString): number {
    const entry = this.find(directory, name);
    return entry === NO_ENTRY ? -1 : this.nodeAt(entry);
  }

  /** What stands at an entry; -1 for nothing any more. */
  nodeAt(entry: number): number {
    return (this.entryNodes[entry] ?? 0) - 1;
  }

  /** Puts another node, or nothing (-1), at a name. */
  setNode(entry: number, node: number): void {
    this.entryNodes[entry] = node + 1;
  }

  name(entry: number): ByteString {
    return this.bytes.text(this.nameStarts[entry] ?? 0, this.nameLengths[entry] ?? 0);
  }

  isName(entry: number, name: ByteString): boolean {
    return this.nameLengths[entry] === name.length && this.bytes.isText(this.nameStarts[entry] ?? 0, name);
  }

  /** The entries of a directory something stands at, in no order. */
  *entriesOf(directory: number): Generator<number, void, undefined> {
    for (let next = this.first[directory] ?? 0; next !== 0; next = this.entryNext[next - 1] ?? 0) {
      if (this.entryNodes[next - 1] !== 0) yield next - 1;
    }
  }

  /** Byte order of the names of two entries. */
  compareNames(a: number, b: number): number {
    return this.bytes.compare(
      this.nameStarts[a] ?? 0,
      this.nameLengths[a] ?? 0,
      this.nameStarts[b] ?? 0,
      this.nameLengths[b] ?? 0,
    );
  }

  /** Ends looking things up: only what lies in columns stays. */
  dropIndex(): void {
    this.#slots = new Uint32Array(0);
  }

  #addFile(meta: Metadata, content: FileContent): number {
    if (content.kind === 'inline') {
      const { bytes } = content;
      const at = bytes.length === 0 ? 0 : this.bytes.addBytes(bytes);
      return this.addNode(NODE.inline, meta, at, bytes.length);
    }
    const { digest, sizeBytes, payload } = content;
    const isUsual =
      sizeBytes > 0 && payload === undefined && (digest?.length === 32 || digest?.length === 64);
    if (!isUsual) return this.addNode(NODE.unusual, meta, this.contents.push(content) - 1, sizeBytes);
    const kind = digest.length === 32 ? NODE.object32 : NODE.object64;
    return this.addNode(kind, meta, this.bytes.addBytes(digest), sizeBytes);
  }

  /** Makes the index for twice what it has room for, or as much as there is. */
  #index(room: number): void {
    let length = room * 2;
    while (length < this.entryCount * 2) length *= 2;
    this.#slots = new Uint32Array(length);
    for (let entry = 0; entry < this.entryCount; entry += 1) {
      const slot = this.#slotOf(this.entryParents[entry] ?? 0, this.name(entry));
      this.#slots[slot] = entry + 1;
    }
  }

  /** Where an entry is in the index, or would be. */
  #slotOf(directory: number, name: ByteString): number {
    const last = this.#slots.length - 1;
    for (let slot = this.#hash(directory, name) & last; ; slot = (slot + 1) & last) {
      const taken = this.#slots[slot] ?? 0;
      if (taken === 0 || this.#isNamed(taken - 1, directory, name)) return slot;
    }
  }

  #isNamed(entry: number, directory: number, name: ByteString): boolean {
    return this.entryParents[entry] === directory && this.isName(entry, name);
  }

  /** With a number nobody knows mixed into every step, so that names cannot be chosen to fall on one place. */
  #hash(directory: number, name: ByteString): number {
    let hash = Math.imul(directory ^ this.#seed, 0x9e37_79b1);
    for (let index = 0; index < name.length; index += 1) {
      hash = Math.imul(hash ^ name.charCodeAt(index), 0x85eb_ca6b);
      hash ^= (hash >>> 13) ^ this.#seed;
    }
    return (hash ^ (hash >>> 16)) >>> 0;
  }

  #growNodes(): void {
    this.kinds = grown(this.kinds);
    this.modes = grown(this.modes);
    this.uids = grown(this.uids);
    this.gids = grown(this.gids);
    this.mtimesSec = grown(this.mtimesSec);
    this.mtimesNsec = grown(this.mtimesNsec);
    this.xattrs = grown(this.xattrs);
    this.first = grown(this.first);
    this.second = grown(this.second);
  }

  #growEntries(): void {
    this.entryNodes = grown(this.entryNodes);
    this.entryNext = grown(this.entryNext);
    this.entryParents = grown(this.entryParents);
    this.nameStarts = grown(this.nameStarts);
    this.nameLengths = grown(this.nameLengths);
  }
}
