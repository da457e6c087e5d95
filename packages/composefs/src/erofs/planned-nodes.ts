import { FIRST_ROOM, grown } from '@slipway/core';
import type { PackedStore } from '../packed/packed-store.ts';

/** Among the names of a directory: its own, `.`. */
export const SELF: number = 2 ** 32 - 1;
/** Its parent's, `..`. */
export const PARENT: number = 2 ** 32 - 2;
/** Of a leaf: it refers to no object. */
export const NO_OBJECT = -1;

/** What is decided of every node on the way to an image, in columns beside those of its tree. */
export class PlannedNodes {
  /** Whether the node was met on the walk. */
  readonly met: Uint8Array<ArrayBuffer>;
  readonly nlinks: Uint32Array<ArrayBuffer>;
  /** Of a directory: its place among the directories, and 1. Of a file: its object, and 1; 0 for none. */
  readonly links: Uint32Array<ArrayBuffer>;
  /** Offset in the image, in inode slots. */
  readonly slots: Uint32Array<ArrayBuffer>;
  /** Whole blocks of data, directory blocks included. */
  readonly dataBlocks: Uint32Array<ArrayBuffer>;
  /** Bytes right after the attributes. */
  readonly tails: Uint16Array<ArrayBuffer>;
  /** Whether the inode is an extended one. */
  readonly extended: Uint8Array<ArrayBuffer>;

  constructor(nodeCount: number) {
    this.met = new Uint8Array(nodeCount);
    this.nlinks = new Uint32Array(nodeCount);
    this.links = new Uint32Array(nodeCount);
    this.slots = new Uint32Array(nodeCount);
    this.dataBlocks = new Uint32Array(nodeCount);
    this.tails = new Uint16Array(nodeCount);
    this.extended = new Uint8Array(nodeCount);
  }

  /** The object of a leaf. */
  objectOf(node: number): number {
    return (this.links[node] ?? 0) - 1;
  }
}

/** The directories of an image, in the order they were met, and the names in them in byte order, `.` and `..` among them. */
export class PlannedDirectories {
  readonly #store: PackedStore;
  readonly nodes: number[] = [];
  /** Place of the parent; the root is its own. */
  readonly parents: number[] = [];
  readonly #starts: number[] = [];
  /** Entries, {@link SELF} and {@link PARENT}. */
  children: Uint32Array<ArrayBuffer> = new Uint32Array(FIRST_ROOM);
  /** Whether what stands at the name takes its place in the order from it; not for `.`, `..` and further hard links. */
  owns: Uint8Array<ArrayBuffer> = new Uint8Array(FIRST_ROOM);
  #childCount = 0;

  constructor(store: PackedStore) {
    this.#store = store;
  }

  /** Adds a directory and its names; returns its place. */
  add(node: number, parent: number | undefined, more: readonly number[]): number {
    const directory = this.nodes.push(node) - 1;
    this.parents.push(parent ?? directory);
    this.#starts.push(this.#childCount);
    this.#push(SELF);
    this.#push(PARENT);
    for (const entry of this.#store.entriesOf(node)) this.#push(entry);
    for (const entry of more) this.#push(entry);
    this.#sort(this.start(directory), this.#childCount);
    return directory;
  }

  start(directory: number): number {
    return this.#starts[directory] ?? 0;
  }

  /** Where the names of a directory end in {@link children}. */
  end(directory: number): number {
    return this.#starts[directory + 1] ?? this.#childCount;
  }

  nameLength(child: number): number {
    if (child >= PARENT) return child === SELF ? 1 : 2;
    return this.#store.nameLengths[child] ?? 0;
  }

  #push(child: number): void {
    if (this.#childCount === this.children.length) {
      this.children = grown(this.children);
      this.owns = grown(this.owns);
    }
    this.children[this.#childCount] = child;
    this.#childCount += 1;
  }

  #sort(start: number, end: number): void {
    // Sorting what is sorted is not free, and trees of dumps and layers mostly are.
    for (let at = start + 1; at < end; at += 1) {
      if (this.#compare(this.children[at - 1] ?? 0, this.children[at] ?? 0) < 0) continue;
      this.children.subarray(start, end).sort((a, b) => this.#compare(a, b));
      return;
    }
  }

  #compare(a: number, b: number): number {
    if (a < PARENT && b < PARENT) return this.#store.compareNames(a, b);
    const [left, right] = [this.#name(a), this.#name(b)];
    return left < right ? -1 : left > right ? 1 : 0;
  }

  #name(child: number): string {
    return child < PARENT ? this.#store.name(child) : child === SELF ? '.' : '..';
  }
}
