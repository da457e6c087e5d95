import { type DirectoryNode, type Repository, writeErofs } from '@slipway/composefs';
import { appTree, extensionTree } from './app-tree.ts';
import type { AppKind } from './revision.ts';

/** What the image of an app depends on beside its layers. */
export interface AppImageOf {
  readonly name: string;
  readonly kind: AppKind;
  readonly volumes: readonly string[];
}

/**
 * Stores the image of an app; its id. The same layers give the same id for ever. The caller holds the store's lock, shared.
 *
 * @throws SlipwayError APP_INVALID, TREE_INVALID, NO_SPACE
 */
export async function putAppImage(
  repository: Repository,
  tree: DirectoryNode,
  { name, kind, volumes }: AppImageOf,
): Promise<string> {
  const mounted = kind === 'app' ? appTree(tree, name, volumes) : extensionTree(tree, name, kind);
  return await repository.putImage(writeErofs(mounted, { minVersion: 1, maxVersion: 1 }));
}
