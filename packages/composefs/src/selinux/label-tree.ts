import { SELINUX_LABEL } from '../erofs/format.ts';
import { packTree } from '../packed/pack-tree.ts';
import { PackedTree } from '../packed/packed-tree.ts';
import type { XattrSets } from '../packed/xattr-sets.ts';
import type { ByteString, DirectoryNode } from '../tree.ts';
import type { FileKind } from './file-contexts.ts';

/** Says what label a file has; undefined for none. */
export interface Labels {
  labelOf(path: ByteString, kind: FileKind): string | undefined;
}

/**
 * The tree with the label of every file as `security.selinux`, and none where the policy has none for it. The value is the
 * context without a NUL at its end, as bootc writes it; the kernel takes both. A file with several names gets the label of the last
 * one, depth first. Nodes with several names stay one node; the tree given is not changed.
 */
export function labelTree(tree: DirectoryNode, labels: Labels): DirectoryNode {
  const packed = packTree(tree);
  const { store } = packed;
  const relabelling = new Relabelling(store.xattrSets);
  const column = new Uint32Array(store.nodeCount);
  for (const { path, node } of packed.walk()) {
    column[node] = relabelling.labelled(packed.xattrsOf(node), labels.labelOf(path, store.fileKind(node)));
  }
  return new PackedTree(store, packed.root, column).rootNode;
}

/** Sets of attributes with other labels, each made once. */
class Relabelling {
  readonly #sets: XattrSets;
  readonly #labelled = new Map<number, Map<string | undefined, number>>();

  constructor(sets: XattrSets) {
    this.#sets = sets;
  }

  labelled(set: number, label: string | undefined): number {
    const byLabel = this.#labelled.get(set) ?? new Map<string | undefined, number>();
    this.#labelled.set(set, byLabel);
    const known = byLabel.get(label);
    if (known !== undefined) return known;
    const xattrs = new Map(this.#sets.get(set));
    if (label === undefined) xattrs.delete(SELINUX_LABEL);
    else xattrs.set(SELINUX_LABEL, Buffer.from(label, 'latin1'));
    const made = this.#sets.add(xattrs);
    byLabel.set(label, made);
    return made;
  }
}
