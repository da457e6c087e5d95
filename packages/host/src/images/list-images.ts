/** The images of a host in the words of `bootc image list`. */
import { join } from 'node:path';
import { type OperationOptions, operation } from '@slipway/core';
import { bootedDeploymentId } from '../booted-id.ts';
import { boundImagesOfRoot } from '../bound/bound-images-of-root.ts';
import { podmanStore } from '../bound/bound-store.ts';
import { readHostState } from '../deployment.ts';
import { pathExists } from '../directory.ts';
import type { HostSystem } from '../system.ts';

/** Which images. */
export type ImageListType = 'all' | 'logical' | 'host';

/** One line; the names are those of bootc's JSON. */
export interface ListedImage {
  /** `host`: of a deployment; `unified`: in the storage of bound images; `logical`: named by the running image. */
  readonly image_type: 'host' | 'unified' | 'logical';
  readonly image: string;
}

/**
 * Lists them, each once. On a machine that is no host `all` is what a root names, as in a container.
 *
 * @param root of the running system
 * @throws SlipwayError NOT_A_SLIPWAY_HOST for `host`, NOT_ROOT, BOUND_IMAGE_INVALID, TOOL_FAILED with what podman says
 */
export async function listImages(
  system: HostSystem,
  type: ImageListType,
  root = '/',
  options: OperationOptions = {},
): Promise<readonly ListedImage[]> {
  const isHost = bootedDeploymentId(await system.mountInfo()) !== undefined;
  const ofHost = type === 'host' || (type === 'all' && isHost) ? await hostImages(system, options) : [];
  if (type === 'host') return ofHost;
  const logical = await boundImagesOfRoot(root);
  return [...ofHost, ...logical.map((image) => ({ image_type: 'logical', image }) as const)];
}

async function hostImages(system: HostSystem, options: OperationOptions): Promise<readonly ListedImage[]> {
  const { booted, stagedDeployment, rollback, others } = await readHostState(system);
  const deployments = [booted, stagedDeployment, rollback, ...others];
  const names = deployments.flatMap((one) => one?.origin?.image.image ?? []);
  const bound = await boundStorage(system, options);
  return [
    ...[...new Set(names)].map((image) => ({ image_type: 'host', image }) as const),
    ...bound.map((image) => ({ image_type: 'unified', image }) as const),
  ];
}

/** Asked only where there is one: podman makes what it is asked about. */
async function boundStorage(system: HostSystem, options: OperationOptions): Promise<readonly string[]> {
  const { boundStorage: path } = system.layout;
  if (system.boundStore !== undefined) return await system.boundStore.list();
  if (!(await pathExists(join(path, 'overlay-images')))) return [];
  return await podmanStore(system, path, operation(options)).list();
}
