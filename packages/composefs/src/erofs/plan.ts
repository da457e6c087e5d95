import type { PackedFacts, PackedTreeWithFacts } from '../packed/pack-tree.ts';
import { NODE, type PackedStore } from '../packed/packed-store.ts';
import type { PackedTree } from '../packed/packed-tree.ts';
import type { Metadata } from '../tree.ts';
import {
  type Attributes,
  escapedPairs,
  markWhiteout,
  markWhiteoutParent,
  refused,
  unusualObject,
} from './attribute-rules.ts';
import { type FormatVersion, OVERLAY, SELINUX_LABEL, STUB_NAMES } from './format.ts';
import { NodeAttributes } from './node-attributes.ts';
import { PARENT, PlannedDirectories, PlannedNodes, SELF } from './planned-nodes.ts';

/** What will be in the image, in inode order, before anything has a place. */
export interface ImagePlan {
  readonly tree: PackedTree;
  readonly facts: ReadonlyMap<number, PackedFacts>;
  readonly nodes: PlannedNodes;
  readonly directories: PlannedDirectories;
  readonly attributes: NodeAttributes;
  /** Nodes by inode number. */
  readonly inodes: Uint32Array;
  /** Nodes from this one on are whiteouts that act. */
  readonly firstStub: number;
  readonly formatVersion: FormatVersion;
  /** The smallest time of all inodes. */
  readonly earliest: Time;
}

/** A time of a file. */
export type Time = Pick<Metadata, 'mtimeSec' | 'mtimeNsec'>;

/**
 * Rewrites a tree as composefs images hold it: overlay attributes escaped, objects referred to, whiteouts
 * turned into files, the root's stubs added (composefs-format sections 4 to 6), and puts the inodes in order.
 *
 * @throws SlipwayError TREE_INVALID naming the path no image can hold
 */
export function planImage(
  { tree, facts }: PackedTreeWithFacts,
  versions: { readonly min: FormatVersion; readonly max: FormatVersion },
): ImagePlan {
  const firstStub = tree.store.nodeCount;
  const walk = new TreeWalk(tree, facts, addStubs(tree), firstStub);
  walk.run();
  const formatVersion = walk.sawWhiteouts && versions.max >= 1 ? 1 : versions.min;
  walk.finishDirectories(formatVersion);
  const { nodes, directories, attributes, earliest } = walk;
  const inodes = inodesInOrder(tree.store, directories, nodes, walk.inodeCount);
  return { tree, facts, nodes, directories, attributes, inodes, firstStub, formatVersion, earliest };
}

/** Names and nodes of the whiteouts that hide the directories of the object store from the mounted root. */
function addStubs({ store, root }: PackedTree): readonly number[] {
  const meta: Metadata = { ...store.metadata(root, 0), mode: 0o644 };
  return STUB_NAMES.filter((name) => !hasName(store, root, name)).map((name) =>
    store.addEntry(root, name, store.addNode(NODE.characterDevice, meta, 0, 0)),
  );
}

function hasName(store: PackedStore, directory: number, name: string): boolean {
  for (const entry of store.entriesOf(directory)) if (store.isName(entry, name)) return true;
  return false;
}

/**
 * Depth first, names in byte order: the first name of a hard link met this way owns the inode.
 * A loop with its own stack, because a tree may be deeper than the call stack.
 */
class TreeWalk {
  readonly nodes: PlannedNodes;
  readonly directories: PlannedDirectories;
  readonly attributes: NodeAttributes;
  sawWhiteouts = false;
  earliest: Time = { mtimeSec: Number.MAX_SAFE_INTEGER, mtimeNsec: 999_999_999 };
  inodeCount = 0;
  readonly #tree: PackedTree;
  readonly #store: PackedStore;
  readonly #facts: ReadonlyMap<number, PackedFacts>;
  readonly #stubs: readonly number[];
  readonly #firstStub: number;
  /** Places of the directories on the way, and the next of their names. */
  readonly #stack: { readonly directory: number; readonly entry: number; next: number }[] = [];
  readonly #whiteoutParents = new Set<number>();
  /** Files whose object has no digest, or another path than its digest implies: only dumps have such. */
  readonly #unusual: { readonly node: number; readonly path: string }[] = [];
  readonly #ownerless = new Set<number>();
  /** The entry being looked at, for messages. */
  #entry: number = SELF;

  constructor(
    tree: PackedTree,
    facts: ReadonlyMap<number, PackedFacts>,
    stubs: readonly number[],
    firstStub: number,
  ) {
    this.#tree = tree;
    this.#store = tree.store;
    this.#facts = facts;
    this.#stubs = stubs;
    this.#firstStub = firstStub;
    this.nodes = new PlannedNodes(tree.store.nodeCount);
    this.directories = new PlannedDirectories(tree.store);
    this.attributes = new NodeAttributes(tree, this.nodes);
  }

  run(): void {
    this.#enter(this.#tree.root, SELF);
    for (let top = this.#stack.at(-1); top !== undefined; top = this.#stack.at(-1)) {
      if (top.next === this.directories.end(top.directory)) {
        this.#stack.pop();
        continue;
      }
      const at = top.next;
      top.next += 1;
      const entry = this.directories.children[at] ?? SELF;
      if (entry < PARENT) this.#visit(top.directory, entry, at);
    }
    this.#finishUnusual();
    if (this.#ownerless.size > 0) throw refused('/', 'a hard link stands at none of its names');
  }

  /** Directories wait until it is known whether a whiteout anywhere raises the format version. */
  finishDirectories(formatVersion: FormatVersion): void {
    for (const [directory, node] of this.directories.nodes.entries()) {
      const path = (): string => this.#pathOf(directory);
      const holdsWhiteouts = this.#whiteoutParents.has(directory);
      if (!holdsWhiteouts && directory !== 0) {
        this.attributes.add(node, path);
        continue;
      }
      const attributes: Attributes = new Map(this.#ownPairs(node));
      if (holdsWhiteouts) markWhiteoutParent(attributes, formatVersion);
      if (directory === 0) {
        this.#finishStubs(attributes);
        attributes.set(OVERLAY.opaque, 'y');
      }
      this.attributes.addSpecial(node, [...attributes], path);
    }
  }

  readonly #path = (): string => {
    const names = [this.#nameOf(this.#entry)];
    for (const { entry } of this.#stack.slice(1).reverse()) names.push(this.#nameOf(entry));
    return `/${names.reverse().join('/')}`;
  };

  #nameOf(entry: number): string {
    return entry < PARENT ? this.#store.name(entry) : '';
  }

  /** Of a directory met before. */
  #pathOf(directory: number): string {
    const names: string[] = [];
    for (let at = directory; at !== 0; at = this.directories.parents[at] ?? 0) {
      const node = this.directories.nodes[at] ?? 0;
      const parent = this.directories.nodes[this.directories.parents[at] ?? 0] ?? 0;
      for (const entry of this.#store.entriesOf(parent)) {
        if (this.#store.nodeAt(entry) === node) names.push(this.#store.name(entry));
      }
    }
    return `/${names.reverse().join('/')}`;
  }

  #visit(directory: number, entry: number, at: number): void {
    const node = this.#store.nodeAt(entry);
    this.#entry = entry;
    if (!this.#store.isDirectory(node)) {
      this.#leaf(directory, entry, node, at);
      return;
    }
    const parent = this.directories.nodes[directory] ?? 0;
    this.nodes.nlinks[parent] = (this.nodes.nlinks[parent] ?? 0) + 1;
    this.directories.owns[at] = 1;
    this.#enter(node, entry);
  }

  /** A link count starts with `.` and the directory's own name. */
  #enter(node: number, entry: number): void {
    if (this.nodes.met[node] !== 0) throw refused(this.#path(), 'a directory cannot have two names');
    this.nodes.met[node] = 1;
    this.nodes.nlinks[node] = 2;
    this.inodeCount += 1;
    this.#noteTime(node);
    const isRoot = this.#stack.length === 0;
    const directory = this.directories.add(node, this.#stack.at(-1)?.directory, isRoot ? this.#stubs : []);
    this.nodes.links[node] = directory + 1;
    this.#stack.push({ directory, entry, next: this.directories.start(directory) });
  }

  #leaf(directory: number, entry: number, node: number, at: number): void {
    const facts = this.#facts.size === 0 ? undefined : this.#facts.get(node);
    const isNew = this.nodes.met[node] === 0;
    if (isNew) this.#newLeaf(node, facts);
    else if (facts?.nlink === undefined) this.nodes.nlinks[node] = (this.nodes.nlinks[node] ?? 0) + 1;
    const owns = facts?.owner === undefined ? isNew : facts.owner === entry;
    if (!owns) return;
    this.directories.owns[at] = 1;
    this.#ownerless.delete(node);
    if (node < this.#firstStub && this.#isWhiteout(node)) {
      this.#whiteoutParents.add(directory);
      this.sawWhiteouts = true;
    }
  }

  #newLeaf(node: number, facts: PackedFacts | undefined): void {
    this.nodes.met[node] = 1;
    this.nodes.nlinks[node] = facts?.nlink ?? 1;
    this.inodeCount += 1;
    if (facts?.owner !== undefined) this.#ownerless.add(node);
    if (node >= this.#firstStub) return;
    this.#noteTime(node);
    this.#addAttributes(node);
  }

  #addAttributes(node: number): void {
    if (this.#isWhiteout(node)) {
      const attributes: Attributes = new Map(this.#ownPairs(node));
      markWhiteout(attributes);
      this.attributes.addSpecial(node, [...attributes], this.#path);
    } else if (this.#store.kinds[node] === NODE.unusual && this.#store.second[node] !== 0) {
      this.#unusual.push({ node, path: this.#path() });
    } else this.attributes.add(node, this.#path);
  }

  #isWhiteout(node: number): boolean {
    const { kinds, first, second } = this.#store;
    return kinds[node] === NODE.characterDevice && first[node] === 0 && second[node] === 0;
  }

  #ownPairs(node: number): ReturnType<typeof escapedPairs> {
    return escapedPairs(this.#store.xattrSets.get(this.#tree.xattrsOf(node)));
  }

  #noteTime(node: number): void {
    const sec = this.#store.mtimesSec[node] ?? 0;
    const nsec = this.#store.mtimesNsec[node] ?? 0;
    const { mtimeSec, mtimeNsec } = this.earliest;
    if (sec > mtimeSec || (sec === mtimeSec && nsec >= mtimeNsec)) return;
    this.earliest = { mtimeSec: sec, mtimeNsec: nsec };
  }

  /** Stubs have the label of the root and nothing else. */
  #finishStubs(root: Attributes): void {
    const label = root.get(SELINUX_LABEL);
    if (label === undefined) return;
    for (const entry of this.#stubs) {
      const path = (): string => `/${this.#store.name(entry)}`;
      this.attributes.addSpecial(this.#store.nodeAt(entry), [[SELINUX_LABEL, label]], path);
    }
  }

  /** Their attributes may equal those of objects in their usual places, which are all known by now. */
  #finishUnusual(): void {
    if (this.#unusual.length > 0) this.attributes.openObjects();
    for (const { node, path } of this.#unusual) {
      const content = this.#store.content(node);
      if (content.kind !== 'object') throw new Error('internal error: an object is none');
      const say = (): string => path;
      this.attributes.addSpecial(node, [...this.#ownPairs(node), ...unusualObject(content, say)], say);
    }
  }
}

/** Breadth first, names in byte order; each inode once, at the name that owns it. */
function inodesInOrder(
  store: PackedStore,
  directories: PlannedDirectories,
  { links }: PlannedNodes,
  count: number,
): Uint32Array {
  const order = new Uint32Array(count);
  order[0] = directories.nodes[0] ?? 0;
  const { children, owns } = directories;
  let filled = 1;
  for (let next = 0; next < filled; next += 1) {
    const node = order[next] ?? 0;
    if (!store.isDirectory(node)) continue;
    const directory = (links[node] ?? 0) - 1;
    for (let at = directories.start(directory); at < directories.end(directory); at += 1) {
      if (owns[at] !== 1) continue;
      order[filled] = store.nodeAt(children[at] ?? 0);
      filled += 1;
    }
  }
  return order;
}
