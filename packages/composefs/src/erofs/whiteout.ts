import type { TreeNode } from '../tree.ts';

/** A character device 0/0 means "deleted" to an overlay: in a tree it must survive as data, not act. */
export function isWhiteout(node: TreeNode): boolean {
  return node.kind === 'character-device' && node.major === 0 && node.minor === 0;
}
