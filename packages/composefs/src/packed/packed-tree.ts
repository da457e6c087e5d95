import type { ByteString, DirectoryNode, Metadata, TreeNode } from '../tree.ts';
import type { PackedStore } from './packed-store.ts';
import type { Xattrs } from './xattr-sets.ts';

/** Sets of attributes whose changes are remembered. */
const MOST_KNOWN = 4096;

/** Trees behind the directories that are shown of them. */
const TREES = new WeakMap<DirectoryNode, PackedTree>();

/**
 * A tree in a {@link PackedStore}: a root, and which attributes its nodes have. To everybody else it is the {@link DirectoryNode}
 * {@link PackedTree.rootNode}, whose nodes are made when they are first looked at, a directory at a time, and stay the same.
 */
export class PackedTree {
  readonly store: PackedStore;
  readonly root: number;
  /** Numbers of sets of attributes by node, where they are not those of the store. */
  readonly #xattrs: Uint32Array | undefined;
  readonly #nodes = new Map<number, TreeNode>();

  constructor(store: PackedStore, root: number, xattrs?: Uint32Array) {
    this.store = store;
    this.root = root;
    this.#xattrs = xattrs;
  }

  /** Number of the set of extended attributes of a node. */
  xattrsOf(node: number): number {
    return (this.#xattrs ?? this.store.xattrs)[node] ?? 0;
  }

  /** Metadata of a node. */
  metadata(node: number): Metadata {
    return this.store.metadata(node, this.xattrsOf(node));
  }

  /** Sets of attributes of all nodes, changed where there is a change; each set is asked about once. */
  mapXattrs(change: (xattrs: Xattrs) => Xattrs | undefined): Uint32Array {
    const { store } = this;
    const known = new Map<number, number>();
    const column = new Uint32Array(store.nodeCount);
    for (let node = 0; node < column.length; node += 1) {
      // Nodes added since this tree was made are as they say themselves.
      const isNew = this.#xattrs !== undefined && node >= this.#xattrs.length;
      const before = (isNew ? store.xattrs[node] : this.xattrsOf(node)) ?? 0;
      if (before === 0) continue;
      let after = known.get(before);
      if (after === undefined) {
        const changed = change(store.xattrSets.get(before));
        after = changed === undefined ? before : store.xattrSets.add(changed);
        if (known.size < MOST_KNOWN) known.set(before, after);
      }
      column[node] = after;
    }
    return column;
  }

  /**
   * Every name, a directory before what is in it, names of a directory in byte order, as `walkTree` goes. A node with several names
   * is met at each of them.
   */
  *walk(): Generator<{ readonly path: ByteString; readonly node: number }, void, undefined> {
    yield { path: '/', node: this.root };
    // A stack instead of recursion: depth is the image's choice.
    const pending = [{ path: '', entries: this.#lastFirst(this.root) }];
    for (let top = pending.at(-1); top !== undefined; top = pending.at(-1)) {
      const entry = top.entries.pop();
      if (entry === undefined) {
        pending.pop();
        continue;
      }
      const path = `${top.path}/${this.store.name(entry)}`;
      const node = this.store.nodeAt(entry);
      yield { path, node };
      if (this.store.isDirectory(node)) pending.push({ path, entries: this.#lastFirst(node) });
    }
  }

  #lastFirst(directory: number): number[] {
    return [...this.store.entriesOf(directory)].sort((a, b) => this.store.compareNames(b, a));
  }

  /** The tree as everybody knows trees. */
  get rootNode(): DirectoryNode {
    const shown = this.#show(this.root) as DirectoryNode;
    TREES.set(shown, this);
    return shown;
  }

  #show(node: number): TreeNode {
    const known = this.#nodes.get(node);
    if (known !== undefined) return known;
    const meta = this.metadata(node);
    const shown = this.store.isDirectory(node)
      ? directory(meta, () => this.#entries(node))
      : this.store.leaf(node, meta);
    this.#nodes.set(node, shown);
    return shown;
  }

  #entries(node: number): ReadonlyMap<ByteString, TreeNode> {
    const entries = new Map<ByteString, TreeNode>();
    for (const entry of this.store.entriesOf(node)) {
      entries.set(this.store.name(entry), this.#show(this.store.nodeAt(entry)));
    }
    return entries;
  }
}

/** The packed tree a directory shows the root of. */
export function packedTreeOf(root: DirectoryNode): PackedTree | undefined {
  return TREES.get(root);
}

/** A property of its own, not of a prototype: whoever spreads a node gets its entries. */
function directory(
  meta: DirectoryNode['meta'],
  read: () => ReadonlyMap<ByteString, TreeNode>,
): DirectoryNode {
  let entries: ReadonlyMap<ByteString, TreeNode> | undefined;
  return {
    kind: 'directory',
    meta,
    get entries() {
      entries ??= read();
      return entries;
    },
  };
}
