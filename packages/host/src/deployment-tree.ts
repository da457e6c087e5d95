/** The trees of deployments, from their images in the store. */
import {
  type ByteString,
  type DirectoryNode,
  MODULES_DIRECTORY,
  type Repository,
  readErofs,
  readErofsPart,
  walkTree,
} from '@slipway/composefs';
import { KARGS_DIRECTORY } from './image-kargs.ts';

/** What an update compares between two deployments. */
const COMPARED: readonly string[] = ['/etc/**', `${KARGS_DIRECTORY}/**`, `${MODULES_DIRECTORY}/*`];

/** The tree a deployment boots. */
export function deploymentTree(repository: Repository, id: string): DirectoryNode {
  return readErofs(repository.readImage(id));
}

/**
 * Of the same tree `/etc`, the kernel arguments and the kernel: what an update is about, a tenth of a system. Where links lead out of
 * it, all of it.
 */
export function comparedTree(repository: Repository, id: string): DirectoryNode {
  const bytes = repository.readImage(id);
  const part = readErofsPart(bytes, COMPARED);
  return [KARGS_DIRECTORY, MODULES_DIRECTORY].some((path) => leadsElsewhere(part, path))
    ? readErofs(bytes)
    : part;
}

/** Whether a link stands on the way to a directory, or in it. */
function leadsElsewhere(root: DirectoryNode, path: ByteString): boolean {
  let at = root;
  for (const name of path.split('/').filter(Boolean)) {
    const next = at.entries.get(name);
    if (next?.kind !== 'directory') return next !== undefined;
    at = next;
  }
  return walkTree(at).some(({ node }) => node.kind === 'symlink');
}
