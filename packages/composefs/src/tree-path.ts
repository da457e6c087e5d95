import { SlipwayError } from '@slipway/core';
import type { ByteString, DirectoryNode, TreeNode } from './tree.ts';

/** Symlinks followed for one path, as many as Linux follows. */
const MAX_SYMLINKS = 40;

/** What stands at a path. */
export interface FoundNode {
  readonly node: TreeNode;
  /** Where it really is once symlinks are followed: absolute, without a trailing slash; `/` for the root. */
  readonly path: ByteString;
}

/** How a path is looked up. */
export interface LookupOptions {
  /** Whether a symlink in the last place is followed too. Default true. */
  readonly followLast?: boolean;
}

/** A directory on the way, by the name it was entered with. */
interface Place {
  readonly name: ByteString;
  readonly node: DirectoryNode;
}

/**
 * Looks a path up as the kernel would with this tree as its root: symlinks lead nowhere but into the tree, and `..`
 * stops at its root.
 *
 * @param path bytes as latin1, absolute or not
 * @returns undefined when nothing stands there
 * @throws SlipwayError TREE_INVALID when symlinks lead in a circle
 */
export function lookupPath(
  tree: DirectoryNode,
  path: ByteString,
  options: LookupOptions = {},
): FoundNode | undefined {
  const followLast = options.followLast ?? true;
  const way: Place[] = [];
  const pending = components(path).reverse();
  let followed = 0;
  for (;;) {
    const here = way.at(-1)?.node ?? tree;
    const name = pending.pop();
    if (name === undefined) return { node: here, path: joinPath(way) };
    if (name === '..') {
      way.pop();
      continue;
    }
    const child = here.entries.get(name);
    if (child === undefined) return undefined;
    if (child.kind === 'directory') {
      way.push({ name, node: child });
      continue;
    }
    const last = pending.length === 0;
    if (child.kind !== 'symlink' || (last && !followLast)) {
      return last ? { node: child, path: `${way.length === 0 ? '' : joinPath(way)}/${name}` } : undefined;
    }
    followed += 1;
    if (followed > MAX_SYMLINKS) throw tooManySymlinks(path);
    if (child.target.startsWith('/')) way.length = 0;
    pending.push(...components(child.target).reverse());
  }
}

/** The directory at a path, symlinks followed; undefined when there is none or it is something else. */
export function lookupDirectory(tree: DirectoryNode, path: ByteString): DirectoryNode | undefined {
  const node = lookupPath(tree, path)?.node;
  return node?.kind === 'directory' ? node : undefined;
}

/** A node met on a walk. */
export interface WalkStep {
  readonly path: ByteString;
  readonly node: TreeNode;
}

/**
 * Every name of a tree, a directory before what is in it, names of a directory in byte order. A node with several names is
 * met at each of them.
 */
export function* walkTree(tree: DirectoryNode): Generator<WalkStep, void, undefined> {
  yield { path: '/', node: tree };
  // A stack instead of recursion: depth is the image's choice.
  const pending: WalkStep[] = childrenLastFirst('', tree);
  for (let step = pending.pop(); step !== undefined; step = pending.pop()) {
    yield step;
    if (step.node.kind === 'directory') {
      for (const child of childrenLastFirst(step.path, step.node)) pending.push(child);
    }
  }
}

function childrenLastFirst(path: ByteString, directory: DirectoryNode): WalkStep[] {
  const names = [...directory.entries].sort(([a], [b]) => (a < b ? 1 : -1));
  return names.map(([name, node]) => ({ path: `${path}/${name}`, node }));
}

function components(path: ByteString): ByteString[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

function joinPath(way: readonly Place[]): ByteString {
  return `/${way.map((place) => place.name).join('/')}`;
}

function tooManySymlinks(path: ByteString): SlipwayError {
  return new SlipwayError('TREE_INVALID', `cannot look up ${JSON.stringify(path)}: too many symlinks`, {
    details: { path },
  });
}
