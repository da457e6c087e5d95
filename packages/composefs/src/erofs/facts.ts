import type { DirectoryNode, LeafNode } from '../tree.ts';

/**
 * What a dump or an image can say about a leaf and a tree cannot. Only needed to write the same bytes
 * again from unusual input; trees made by Slipway have none.
 */
export interface LeafFacts {
  /** Link count, where it is not the number of names. */
  readonly nlink?: number;
  /** `st_size` of something that has none, where it is not 0. */
  readonly sizeBytes?: number;
  /** The name the inode stands at, where that is not the first in depth-first byte order. */
  readonly owner?: { readonly directory: DirectoryNode; readonly name: string };
}

/** Facts by leaf; absent for a leaf that needs none. */
export type TreeFacts = ReadonlyMap<LeafNode, LeafFacts>;

/** A tree together with what it cannot say. */
export interface TreeWithFacts {
  readonly root: DirectoryNode;
  readonly facts: TreeFacts;
}

export const NO_FACTS: TreeFacts = new Map();
