import type { ByteString, DirectoryNode } from '../tree.ts';

/** The same tree with nothing in its root but these names; all of it without names. */
export function partOfTree(root: DirectoryNode, names?: ReadonlySet<ByteString>): DirectoryNode {
  if (names === undefined) return root;
  return { ...root, entries: new Map([...root.entries].filter(([name]) => names.has(name))) };
}
