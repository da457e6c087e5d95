/** `/etc` of an image as the merge sees it. */
import type { DirectoryNode, TreeNode } from '@slipway/composefs';
import { contentOfImageFile } from './content.ts';
import type { EtcDirectory, EtcNode } from './node.ts';

const NO_ETC: EtcDirectory = {
  kind: 'directory',
  meta: { mode: 0o755, uid: 0, gid: 0, mtimeSec: 0, mtimeNsec: 0, xattrs: new Map() },
  entries: new Map(),
};

/** The tree below `/etc` of an image; an image without one has an empty one. */
export function etcOfImage(root: DirectoryNode): EtcDirectory {
  const etc = root.entries.get('etc');
  return etc?.kind === 'directory' ? directoryOf(etc) : NO_ETC;
}

function directoryOf(node: DirectoryNode): EtcDirectory {
  const entries = new Map<string, EtcNode>();
  for (const [name, child] of node.entries) entries.set(name, nodeOf(child));
  return { kind: 'directory', meta: node.meta, entries };
}

function nodeOf(node: TreeNode): EtcNode {
  if (node.kind === 'directory') return directoryOf(node);
  if (node.kind !== 'regular') return node;
  return { kind: 'regular', meta: node.meta, content: contentOfImageFile(node.content) };
}
