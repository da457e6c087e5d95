import type { LeafFacts, TreeFacts } from '../erofs/facts.ts';
import { checkDirectory, checkLeaf, refusedIn } from '../erofs/node-rules.ts';
import type { ByteString, DirectoryNode, LeafNode } from '../tree.ts';
import { PackedStore } from './packed-store.ts';
import { PackedTree, packedTreeOf } from './packed-tree.ts';

/** What a tree cannot say of a leaf, see {@link LeafFacts}. */
export interface PackedFacts extends Pick<LeafFacts, 'nlink' | 'sizeBytes'> {
  /** The entry it stands at; -1 when it stands at none of its names, undefined for the first one. */
  readonly owner: number | undefined;
}

/** A tree in columns, with what it cannot say by node. */
export interface PackedTreeWithFacts {
  readonly tree: PackedTree;
  readonly facts: ReadonlyMap<number, PackedFacts>;
}

const NO_FACTS: ReadonlyMap<number, PackedFacts> = new Map();

/**
 * The packed tree of any tree: the one behind it, or one made of its nodes.
 *
 * @throws SlipwayError TREE_INVALID naming the path no image can hold
 */
export function packTree(root: DirectoryNode): PackedTree {
  return packedTreeOf(root) ?? new Packing(undefined).run(root).tree;
}

/** The same with facts about its nodes. */
export function packTreeWithFacts(root: DirectoryNode, facts: TreeFacts): PackedTreeWithFacts {
  if (facts.size > 0) return new Packing(facts).run(root);
  return { tree: packTree(root), facts: NO_FACTS };
}

/** A directory being packed. */
interface Frame {
  readonly node: DirectoryNode;
  readonly packed: number;
  readonly name: ByteString;
  readonly parent: Frame | undefined;
  readonly entries: Iterator<[ByteString, DirectoryNode | LeafNode]>;
}

/** A loop with its own stack, because a tree may be deeper than the call stack. */
class Packing {
  readonly #store = new PackedStore();
  readonly #facts: TreeFacts | undefined;
  readonly #packedFacts = new Map<number, PackedFacts>();
  readonly #leaves = new Map<LeafNode, number>();
  readonly #directories = new Set<DirectoryNode>();
  readonly #stack: Frame[] = [];
  /** The name being looked at, for messages. */
  #name: ByteString = '';

  constructor(facts: TreeFacts | undefined) {
    this.#facts = facts;
  }

  run(root: DirectoryNode): PackedTreeWithFacts {
    const packedRoot = this.#enter(root, '');
    for (let frame = this.#stack.at(-1); frame !== undefined; frame = this.#stack.at(-1)) {
      const next = frame.entries.next();
      if (next.done === true) {
        this.#stack.pop();
        continue;
      }
      const [name, node] = next.value;
      this.#name = name;
      const packed = node.kind === 'directory' ? this.#enter(node, name) : this.#leaf(node);
      const entry = this.#store.append(frame.packed, name, packed);
      if (this.#facts !== undefined && node.kind !== 'directory')
        this.#note(node, packed, frame, name, entry);
    }
    return { tree: new PackedTree(this.#store, packedRoot), facts: this.#packedFacts };
  }

  readonly #path = (): string => {
    const names = [this.#name];
    for (let frame = this.#stack.at(-1); frame?.parent !== undefined; frame = frame.parent)
      names.push(frame.name);
    return `/${names.reverse().join('/')}`;
  };

  #enter(node: DirectoryNode, name: ByteString): number {
    if (this.#directories.has(node)) throw refusedIn(this.#path, 'a directory cannot have two names');
    this.#directories.add(node);
    checkDirectory(node, this.#path);
    const packed = this.#store.addDirectory(node.meta);
    this.#stack.push({ node, packed, name, parent: this.#stack.at(-1), entries: node.entries.entries() });
    return packed;
  }

  #leaf(node: LeafNode): number {
    const known = this.#leaves.get(node);
    if (known !== undefined) return known;
    checkLeaf(node, this.#path);
    const packed = this.#store.addLeaf(node);
    this.#leaves.set(node, packed);
    return packed;
  }

  #note(leaf: LeafNode, packed: number, { node }: Frame, name: ByteString, entry: number): void {
    const facts = this.#facts?.get(leaf);
    if (facts === undefined) return;
    const { owner, ...rest } = facts;
    const isOwner = owner?.directory === node && owner.name === name;
    const before = this.#packedFacts.get(packed)?.owner ?? (owner === undefined ? undefined : -1);
    this.#packedFacts.set(packed, { ...rest, owner: isOwner ? entry : before });
  }
}
