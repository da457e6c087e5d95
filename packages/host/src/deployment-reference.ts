/** The very image something on this host came from, whatever its tag means by now. */
import { SlipwayError } from '@slipway/core';
import { isDigest, type Reference, withDigest } from '@slipway/oci';
import { chooseDeployment } from './choose-deployment.ts';
import { readHostState } from './deployment.ts';
import { type ImageSpec, referenceOf } from './image-spec.ts';
import type { HostSystem } from './system.ts';

/**
 * Where the image of a deployment is to be had.
 *
 * @param name see {@link chooseDeployment}
 * @throws SlipwayError NO_SUCH_DEPLOYMENT, STATE_INVALID when its origin is not known, NOT_A_SLIPWAY_HOST, NOT_ROOT
 */
export async function deploymentReference(system: HostSystem, name: string): Promise<Reference> {
  const { id, origin } = chooseDeployment(await readHostState(system), name).deployment;
  return exactReference(`the deployment ${id}`, origin?.image, origin?.manifestDigest);
}

/** @throws SlipwayError STATE_INVALID when image or digest is not known */
export function exactReference(
  what: string,
  image: ImageSpec | undefined,
  digest: string | undefined,
): Reference {
  if (image !== undefined && digest !== undefined && isDigest(digest)) {
    return withDigest(referenceOf(image), digest);
  }
  throw new SlipwayError('STATE_INVALID', `cannot tell which image ${what} came from`, {
    hint: 'delete it, or stage the image again',
  });
}
