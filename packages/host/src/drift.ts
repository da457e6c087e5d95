/** What this machine made of the `/etc` of its image. */
import { openRepository } from '@slipway/composefs';
import { errnoOf, type OperationOptions, operation, SlipwayError } from '@slipway/core';
import { requireBootedId } from './deployment.ts';
import { comparedTree } from './deployment-tree.ts';
import { compareEtc, type EtcDifference } from './etc-merge/compare.ts';
import { etcOfImage } from './etc-merge/from-image.ts';
import { scanEtc } from './etc-merge/scan.ts';
import { withoutUpdateStamp } from './merged-etc.ts';
import { ownEtc } from './own-etc.ts';
import type { HostSystem } from './system.ts';
import { transientPlaces } from './transient.ts';

/** The drift of a host. */
export interface HostDrift {
  readonly deployment: string;
  /** `/etc` is in memory: what differs is gone with the next boot, and no update carries it over. */
  readonly transient: boolean;
  readonly differences: readonly EtcDifference[];
}

/**
 * Compares the `/etc` of this machine with that of the booted image: what an update will carry over, so without what extensions add. Reads every file of it, writes nothing.
 *
 * @throws SlipwayError NOT_A_SLIPWAY_HOST, NOT_ROOT, OBJECT_CORRUPT, EROFS_INVALID, ABORTED
 */
export async function hostDrift(system: HostSystem, options: OperationOptions = {}): Promise<HostDrift> {
  const { signal } = operation(options);
  const deployment = await requireBootedId(system);
  try {
    const repository = await openRepository(system.layout.composefs);
    const image = withoutUpdateStamp(etcOfImage(comparedTree(repository, deployment)));
    const here = withoutUpdateStamp(await scanEtc(await ownEtc(system, deployment), repository.algorithm));
    signal.throwIfAborted();
    const transient = transientPlaces(await system.mountInfo()).includes('/etc');
    return { deployment, transient, differences: compareEtc(image, here) };
  } catch (thrown) {
    if (!isDenied(thrown)) throw thrown;
    throw new SlipwayError('NOT_ROOT', 'cannot compare /etc with its image: not root', {
      hint: 'run the command as root',
      cause: thrown,
    });
  }
}

function isDenied(thrown: unknown): boolean {
  const errno = errnoOf(thrown) ?? errnoOf(thrown instanceof Error ? thrown.cause : undefined);
  return errno === 'EACCES' || errno === 'EPERM';
}
