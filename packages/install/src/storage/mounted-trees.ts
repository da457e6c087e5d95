import type { DiskDirectory, DiskNode } from '@slipway/disk';

/** A place another file system covers, and who takes what the host would have had there. */
export interface Mounted {
  /** Below `/var`; others are passed over. */
  readonly path: string;
  readonly take: (tree: DiskDirectory) => void;
}

/**
 * `/var` with an empty directory where each file system is mounted: what was in it goes on that file system. One mounted
 * inside another is found inside the other's tree, empty as well.
 */
export function withoutMounted(directory: DiskDirectory, mounts: readonly Mounted[]): DiskDirectory {
  const deepestFirst = mounts
    .filter(({ path }) => path.startsWith('/var/'))
    .toSorted((a, b) => b.path.split('/').length - a.path.split('/').length);
  let result = directory;
  for (const { path, take } of deepestFirst) {
    const names = Buffer.from(path.slice('/var/'.length)).toString('latin1').split('/');
    result = emptied(result, names, take);
  }
  return result;
}

function emptied(
  directory: DiskDirectory,
  [name, ...below]: readonly string[],
  take: (tree: DiskDirectory) => void,
): DiskDirectory {
  if (name === undefined) {
    take(directory);
    return { ...directory, entries: new Map() };
  }
  const entries = new Map<string, DiskNode>(directory.entries);
  const child = entries.get(name);
  if (child?.kind === 'directory') entries.set(name, emptied(child, below, take));
  return { ...directory, entries };
}
