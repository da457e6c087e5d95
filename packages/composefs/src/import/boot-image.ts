import { type OperationOptions, operation } from '@slipway/core';
import { planErofs } from '../erofs/writer.ts';
import { readFile } from '../repository/node-content.ts';
import type { Repository } from '../repository/repository.ts';
import { readImagePolicy } from '../selinux/image-policy.ts';
import { labelTree } from '../selinux/label-tree.ts';
import type { DirectoryNode } from '../tree.ts';
import { type BootTreeOptions, bootTree } from './boot-transform.ts';

/** An image that may be mounted as a root. */
export interface BootImage {
  /** fs-verity digest of the image: the name of the deployment. */
  readonly id: string;
  readonly erofsSizeBytes: number;
}

/**
 * Makes the image a host boots, and stores it: boot transform, labels where it carries an SELinux policy, EROFS (format version
 * 1, as bootc writes), sync, name.
 *
 * The same tree gives the same id for ever. The caller holds the store's lock, shared, since before the objects of the tree
 * were imported.
 *
 * @throws SlipwayError IMAGE_NOT_BOOTABLE, SELINUX_POLICY_INVALID, TREE_INVALID, NO_SPACE, IO_FAILED, VERITY_UNAVAILABLE
 */
export async function createBootImage(
  repository: Repository,
  imported: { readonly tree: DirectoryNode },
  options: BootTreeOptions & OperationOptions = {},
): Promise<BootImage> {
  const { signal } = operation(options);
  signal.throwIfAborted();
  const bare = bootTree(imported.tree, options);
  const labels = await readImagePolicy(bare, (node) => readFile(repository, node));
  const tree = labels === undefined ? bare : labelTree(bare, labels);
  const image = planErofs(tree, { minVersion: 1, maxVersion: 1 });
  const id = await repository.putImage(image.pieces());
  return { id, erofsSizeBytes: image.sizeBytes };
}
