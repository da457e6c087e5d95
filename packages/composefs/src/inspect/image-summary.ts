import type { FormatVersion } from '../erofs/format.ts';
import { objectPathOf } from '../erofs/object-path.ts';
import type { ErofsContents } from '../erofs/reader.ts';
import { isWhiteout } from '../erofs/whiteout.ts';
import type { FileContent, TreeNode } from '../tree.ts';
import { walkTree } from '../tree-path.ts';

/** What an image holds, counted. */
export interface ImageSummary {
  readonly formatVersion: FormatVersion;
  /** Names, the root's among them. */
  readonly names: number;
  readonly inodes: Readonly<Record<InodeKind, number>>;
  /** Distinct objects that files refer to, and how many bytes they have together. */
  readonly objects: { readonly count: number; readonly totalBytes: number };
  /** Bytes of files that are in the image itself. */
  readonly inlineBytes: number;
}

/** What an inode is; a character device 0/0 is a whiteout and counted as such. */
export type InodeKind = TreeNode['kind'] | 'whiteout';

/** Counts what is in an image. */
export function summarizeImage({ root, formatVersion }: ErofsContents): ImageSummary {
  const inodes: Record<InodeKind, number> = {
    directory: 0,
    regular: 0,
    symlink: 0,
    'character-device': 0,
    'block-device': 0,
    fifo: 0,
    socket: 0,
    whiteout: 0,
  };
  const seen = new Set<TreeNode>();
  const contents: FileContent[] = [];
  let names = 0;
  for (const { node } of walkTree(root)) {
    names += 1;
    if (seen.has(node)) continue;
    seen.add(node);
    inodes[isWhiteout(node) ? 'whiteout' : node.kind] += 1;
    if (node.kind === 'regular') contents.push(node.content);
  }
  return { formatVersion, names, inodes, ...countBytes(contents) };
}

function countBytes(contents: readonly FileContent[]): Pick<ImageSummary, 'objects' | 'inlineBytes'> {
  const objects = new Map<string, number>();
  let inlineBytes = 0;
  for (const content of contents) {
    if (content.kind === 'inline') inlineBytes += content.bytes.length;
    else objects.set(objectPathOf(content), content.sizeBytes);
  }
  const totalBytes = [...objects.values()].reduce((total, sizeBytes) => total + sizeBytes, 0);
  return { objects: { count: objects.size, totalBytes }, inlineBytes };
}
