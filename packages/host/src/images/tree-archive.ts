/** The tree of a deployment as the members of one archive. */
import {
  type ByteString,
  type DirectoryNode,
  directoryMember,
  type LeafNode,
  leafMember,
  linkMember,
  type Repository,
  readFile,
  walkTree,
} from '@slipway/composefs';
import type { TarInput } from '@slipway/oci';

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
      yield unlabelled(directoryMember(name === '' ? './' : `${name}/`, node.meta));
      continue;
    }
    const first = named.get(node);
    named.set(node, first ?? name);
    yield unlabelled(
      first === undefined
        ? leafMember(name, node, (file) => readFile(repository, file))
        : linkMember(name, node.meta, first),
    );
  }
}

function unlabelled(member: TarInput): TarInput {
  return { ...member, xattrs: new Map([...member.xattrs].filter(([key]) => key !== LABEL)) };
}
