import { escapeButSpaces, escapeBytes } from '../dump/escape.ts';
import { objectPathOf } from '../erofs/object-path.ts';
import type { ByteString, DirectoryNode, LeafNode, TreeNode } from '../tree.ts';
import { walkTree } from '../tree-path.ts';
import { partOfTree } from './part-of-tree.ts';

/** One name of an image. Texts are bytes with what no terminal should obey as `\xHH`. */
export interface ListedName {
  /** Absolute; spaces stand as they are. */
  readonly path: string;
  readonly kind: TreeNode['kind'];
  /** Of a symlink. */
  readonly target?: string;
  /** Path in the object store, of a file that has one. */
  readonly object?: string;
}

/**
 * Every name below the root, depth first in byte order, as `composefs-info ls` has them: target and object stand at
 * the first name of a file only.
 *
 * @param names only these names of the root and what is below them
 */
export function* listTree(
  root: DirectoryNode,
  names?: ReadonlySet<ByteString>,
): Generator<ListedName, void, undefined> {
  const seen = new Set<LeafNode>();
  for (const { path, node } of walkTree(partOfTree(root, names))) {
    if (path === '/') continue;
    const name = { path: escapeButSpaces(path), kind: node.kind };
    if (node.kind === 'directory' || seen.has(node)) yield name;
    else yield { ...name, ...leadsTo(node) };
    if (node.kind !== 'directory') seen.add(node);
  }
}

/** A listed name as `composefs-info ls` prints it. */
export function listingLine({ path, kind, target, object }: ListedName): string {
  if (kind === 'directory') return `${path}/\t`;
  if (target !== undefined) return `${path}\t-> ${target}`;
  return object === undefined ? path : `${path}\t@ ${object}`;
}

function leadsTo(node: LeafNode): Pick<ListedName, 'target' | 'object'> {
  if (node.kind === 'symlink') return { target: escapeBytes(node.target) };
  if (node.kind !== 'regular' || node.content.kind === 'inline') return {};
  const object = objectPathOf(node.content);
  return object === '' ? {} : { object: escapeBytes(object) };
}
