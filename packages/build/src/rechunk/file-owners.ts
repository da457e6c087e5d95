import { type ByteString, type DirectoryNode, lookupPath } from '@slipway/composefs';
import { isSlipwayError } from '@slipway/core';
import type { InstalledPackage, PackageDatabase } from '../packages/installed-package.ts';

/** The package each file belongs to, by the file's real path without a leading slash. */
export type FileOwners = ReadonlyMap<ByteString, InstalledPackage>;

/**
 * Finds where the files of packages really are: a package may say `/lib/x` in an image where `/lib` leads to `/usr/lib`. Of
 * several owners the first counts.
 */
export function fileOwners(tree: DirectoryNode, databases: readonly PackageDatabase[]): FileOwners {
  const owners = new Map<ByteString, InstalledPackage>();
  const places = new RealDirectories(tree);
  for (const { packages } of databases) {
    for (const owner of packages) {
      for (const path of owner.files) {
        const real = places.pathOf(path);
        if (real !== undefined && !owners.has(real)) owners.set(real, owner);
      }
    }
  }
  return owners;
}

interface RealDirectory {
  readonly node: DirectoryNode;
  /** Without a leading slash, with one at the end; empty for the root. */
  readonly prefix: ByteString;
}

/** Directories by the names packages give them: most files are beside the one before. */
class RealDirectories {
  readonly #tree: DirectoryNode;
  readonly #known = new Map<ByteString, RealDirectory | undefined>();

  constructor(tree: DirectoryNode) {
    this.#tree = tree;
  }

  /** Real path of what is at a path, if that is there and no directory. */
  pathOf(path: ByteString): ByteString | undefined {
    const slash = path.lastIndexOf('/');
    const directory = this.#directory(path.slice(0, Math.max(0, slash)));
    const name = path.slice(slash + 1);
    const node = directory?.node.entries.get(name);
    if (directory === undefined || node === undefined || node.kind === 'directory') return undefined;
    return `${directory.prefix}${name}`;
  }

  #directory(path: ByteString): RealDirectory | undefined {
    if (this.#known.has(path)) return this.#known.get(path);
    const found = this.#lookUp(path);
    this.#known.set(path, found);
    return found;
  }

  #lookUp(path: ByteString): RealDirectory | undefined {
    try {
      const found = lookupPath(this.#tree, path);
      if (found?.node.kind !== 'directory') return undefined;
      return { node: found.node, prefix: found.path === '/' ? '' : `${found.path.slice(1)}/` };
    } catch (cause) {
      // Symlinks in a circle: nothing can be there.
      if (isSlipwayError(cause, 'TREE_INVALID')) return undefined;
      throw cause;
    }
  }
}
