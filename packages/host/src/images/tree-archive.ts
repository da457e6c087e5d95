/** The tree of a deployment as the members of one archive. */
import {
  type ByteString,
  type DirectoryNode,
  fileSize,
  type LeafNode,
  type Metadata,
  type Repository,
  readFile,
  walkTree,
} from '@slipway/composefs';
import { SlipwayError } from '@slipway/core';
import type { TarHeader, TarInput } from '@slipway/oci';

/** Labels are computed from the policy of an image wherever it is put; a layer does not carry them. */
const LABEL = 'security.selinux';

/**
 * Every name of a tree, a directory before what is in it, a hard link after the name it links to. Files are read as the archive is
 * written.
 *
 * @throws SlipwayError OBJECT_MISSING, OBJECT_CORRUPT while a file is read
 */
export function* treeMembers(
  tree: DirectoryNode,
  repository: Repository,
): Generator<TarInput, void, undefined> {
  const named = new Map<LeafNode, ByteString>();
  for (const { path, node } of walkTree(tree)) {
    const name = path.slice(1);
    if (node.kind === 'directory') {
      yield { ...header(name === '' ? './' : `${name}/`, node.meta), kind: 'directory' };
      continue;
    }
    const first = named.get(node);
    named.set(node, first ?? name);
    yield first === undefined ? leafMember(name, node, repository) : linkMember(name, node, first);
  }
}

function linkMember(path: ByteString, { meta }: LeafNode, linkTarget: ByteString): TarInput {
  return { ...header(path, meta), kind: 'hardlink', linkTarget, xattrs: new Map() };
}

function leafMember(path: ByteString, node: LeafNode, repository: Repository): TarInput {
  const common = header(path, node.meta);
  switch (node.kind) {
    case 'regular':
      return { ...common, kind: 'file', sizeBytes: fileSize(node), body: readFile(repository, node) };
    case 'symlink':
      return { ...common, kind: 'symlink', linkTarget: node.target };
    case 'character-device':
    case 'block-device':
      return { ...common, kind: node.kind, deviceMajor: node.major, deviceMinor: node.minor };
    case 'fifo':
      return { ...common, kind: 'fifo' };
    case 'socket':
      break;
  }
  throw new SlipwayError('TREE_INVALID', `cannot write ${JSON.stringify(path)}: an archive holds no sockets`);
}

function header(path: ByteString, meta: Metadata): Omit<TarHeader, 'kind'> {
  const { mode, uid, gid, mtimeSec, mtimeNsec } = meta;
  const xattrs = new Map([...meta.xattrs].filter(([key]) => key !== LABEL));
  const nothing = { linkTarget: '', sizeBytes: 0, deviceMajor: 0, deviceMinor: 0 };
  return { path, mode, uid, gid, mtimeSec, mtimeNsec, xattrs, ...nothing };
}
