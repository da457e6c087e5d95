/** Bringing what an update is bound to before it is staged, and letting go of what no deployment is bound to any more. */
import { type DirectoryNode, openRepository, type Repository, readFile } from '@slipway/composefs';
import { isSlipwayError, messageOf, type Operation, operation, startTask } from '@slipway/core';
import { deploymentTree } from '../deployment-tree.ts';
import { pathExists } from '../directory.ts';
import type { Transaction } from '../transaction.ts';
import { boundImages } from './bound-images.ts';
import { type BoundStore, podmanStore } from './bound-store.ts';

/**
 * Brings every image a tree is bound to, one after another. One that is named by digest and here is not asked for again; a tag is.
 *
 * Before anything of the update is staged: where one cannot be had, the update is not staged, and what came already stays for the next
 * try.
 *
 * @returns their names
 * @throws SlipwayError BOUND_IMAGE_INVALID, TOOL_MISSING without podman, TOOL_FAILED with what podman says
 */
export async function bringBoundImages(
  { system }: Transaction,
  repository: Repository,
  tree: DirectoryNode,
  options: Operation,
): Promise<readonly string[]> {
  const images = await boundImages(tree, (node) => readFile(repository, node));
  if (images.length === 0) return images;
  const store = system.boundStore ?? podmanStore(system, system.layout.boundStorage, options);
  const task = startTask(options.progress, 'bring bound images', 'items', images.length);
  for (const image of images) {
    options.signal.throwIfAborted();
    if (!(image.includes('@sha256:') && (await store.has(image)))) await store.pull(image);
    task.advance(1);
  }
  task.end();
  return images;
}

/**
 * Removes the images no deployment is bound to. Nothing is removed when any deployment's list cannot be read; that podman fails stops
 * nothing, the next collection tries again.
 *
 * @param deployments those that stay, a staged one included
 */
export async function collectBoundImages(
  { system, log }: Transaction,
  deployments: Iterable<string>,
): Promise<readonly string[]> {
  if (!(await pathExists(system.layout.boundStorage)) && system.boundStore === undefined) return [];
  try {
    const repository = await openRepository(system.layout.composefs);
    const store: BoundStore =
      system.boundStore ?? podmanStore(system, system.layout.boundStorage, operation({ log }));
    const wanted = new Set<string>();
    for (const id of deployments) {
      const tree = deploymentTree(repository, id);
      const images = await boundImages(tree, (node) => readFile(repository, node));
      for (const image of images) wanted.add(canonicalName(image));
    }
    const superfluous = (await store.list()).filter((name) => !wanted.has(canonicalName(name)));
    await store.remove(superfluous);
    return superfluous;
  } catch (thrown) {
    if (!isSlipwayError(thrown)) throw thrown;
    log.warn('bound images were not collected', { code: thrown.code, reason: messageOf(thrown) });
    return [];
  }
}

/** As podman lists it: with a tag, and of a name with both only the digest. */
export function canonicalName(image: string): string {
  const name = image.replace(/^docker:\/\//, '');
  const at = name.indexOf('@');
  if (at !== -1) return `${name.slice(0, at).replace(/:[^:/]*$/, '')}${name.slice(at)}`;
  return /:[^:/]+$/.test(name) ? name : `${name}:latest`;
}
