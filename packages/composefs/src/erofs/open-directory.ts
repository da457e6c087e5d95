import type { DirectoryNode, TreeNode } from '../tree.ts';

/** A directory while its entries are still coming. */
export interface OpenDirectory {
  readonly node: DirectoryNode;
  /** The entries of `node`, open for writing. */
  readonly entries: Map<string, TreeNode>;
  readonly parent: OpenDirectory | undefined;
  readonly name: string;
}

/** One name in one directory. */
export interface Place {
  readonly directory: OpenDirectory;
  readonly name: string;
}

/** Whether a walk depth first, names in byte order, meets `a` before `b`. */
export function comesFirst(a: Place, b: Place): boolean {
  const left = namesOf(a);
  const right = namesOf(b);
  const depth = left.findIndex((name, index) => name !== right[index]);
  if (depth < 0) return left.length < right.length;
  return (left[depth] ?? '') < (right[depth] ?? '');
}

function namesOf({ directory, name }: Place): readonly string[] {
  const names = [name];
  for (let at = directory; at.parent !== undefined; at = at.parent) names.push(at.name);
  return names.reverse();
}
