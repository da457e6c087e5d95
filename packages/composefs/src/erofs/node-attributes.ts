import type { PackedTree } from '../packed/packed-tree.ts';
import { type AttributePair, escapedPairs } from './attribute-rules.ts';
import { AttributeTable, type AttributeValue, checkTotal, joined } from './attribute-table.ts';
import { NO_OBJECT, type PlannedNodes } from './planned-nodes.ts';

const NONE: readonly AttributeValue[] = [];

/**
 * The attributes of every inode: its own, by the set they are, and those of its object. Only what has others than its set says
 * is told one by one.
 */
export class NodeAttributes {
  readonly #tree: PackedTree;
  readonly #nodes: PlannedNodes;
  readonly #table: AttributeTable;
  readonly #bySet = new Map<number, readonly AttributeValue[]>();
  readonly #special = new Map<number, readonly AttributeValue[]>();

  constructor(tree: PackedTree, nodes: PlannedNodes) {
    this.#tree = tree;
    this.#nodes = nodes;
    this.#table = new AttributeTable(tree.store);
  }

  /**
   * Takes those a node has by itself.
   *
   * @throws SlipwayError TREE_INVALID
   */
  add(node: number, path: () => string): void {
    const { store } = this.#tree;
    const digest = store.digest(node);
    if (digest !== undefined) this.#nodes.links[node] = this.#table.useObject(node, digest) + 1;
    const set = this.#tree.xattrsOf(node);
    if (set === 0) return;
    const known = this.#bySet.get(set);
    if (known !== undefined) this.#table.internAgain(known);
    else this.#bySet.set(set, this.#table.intern(escapedPairs(store.xattrSets.get(set)), path));
    checkTotal(this.of(node), path);
  }

  /** Takes exactly these. */
  addSpecial(node: number, pairs: readonly AttributePair[], path: () => string): void {
    const list = this.#table.intern(pairs, path);
    checkTotal(list, path);
    this.#special.set(node, list);
  }

  /** See {@link AttributeTable.openObjects}. */
  openObjects(): void {
    this.#table.openObjects();
  }

  /** Whether any inode has the attribute. */
  has(key: string): boolean {
    return this.#table.has(key);
  }

  /** What more than one inode has, in no order. */
  shared(): AttributeValue[] {
    return this.#table.shared();
  }

  /** The digest of a file that has the attributes of its object and no others, and shares them with nobody. */
  plainDigest(node: number): Buffer | undefined {
    if (this.#tree.xattrsOf(node) !== 0) return undefined;
    const digest = this.#tree.store.digest(node);
    return digest !== undefined && this.#table.isPlain(this.#nodes.objectOf(node)) ? digest : undefined;
  }

  /** Sorted by key. */
  of(node: number): readonly AttributeValue[] {
    const special = this.#special.get(node);
    if (special !== undefined) return special;
    const own = this.#bySet.get(this.#tree.xattrsOf(node)) ?? NONE;
    const object = this.#tree.store.isDirectory(node) ? NO_OBJECT : this.#nodes.objectOf(node);
    return object === NO_OBJECT ? own : joined(own, this.#table.pairOf(object));
  }
}
