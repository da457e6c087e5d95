import {
  type DirectoryNode,
  fileSize,
  type RegularNode,
  type Repository,
  readFile,
  type TreeNode,
} from '@slipway/composefs';
import type { DiskDirectory, DiskFile, DiskNode } from '@slipway/disk';

/** Plain, writable copies of parts of an image: what `/etc` and `/var` of a new host start from. */
export interface TreeCopy {
  readonly directory: (node: DirectoryNode) => DiskDirectory;
  readonly file: (node: RegularNode) => DiskFile;
}

/** Copies nodes of a tree whose bodies lie in a repository; hard links among what one copier copies stay hard links. */
export function treeCopy(repository: Repository): TreeCopy {
  const copied = new Map<TreeNode, DiskNode>();

  function copy(node: TreeNode): DiskNode {
    const known = copied.get(node);
    if (known !== undefined) return known;
    const made = make(node);
    copied.set(node, made);
    return made;
  }

  function make(node: TreeNode): DiskNode {
    if (node.kind === 'directory') return directory(node);
    return node.kind === 'regular' ? file(node) : node;
  }

  function directory(node: DirectoryNode): DiskDirectory {
    const entries = new Map<string, DiskNode>();
    for (const [name, child] of node.entries) entries.set(name, copy(child));
    return { kind: 'directory', meta: node.meta, entries };
  }

  function file(node: RegularNode): DiskFile {
    return fileOf(repository, node);
  }

  return { directory, file };
}

/** Apart from the copier, so that a file does not keep the tree it was copied from. */
function fileOf(repository: Repository, node: RegularNode): DiskFile {
  return {
    kind: 'file',
    meta: node.meta,
    sizeBytes: fileSize(node),
    open: () => readFile(repository, node),
  };
}
