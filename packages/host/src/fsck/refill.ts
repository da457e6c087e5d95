/** The object store of a host: read whole, and filled again from where its images came from. */
import { type FsckFinding, importImage, openRepository, type Repository } from '@slipway/composefs';
import { isSlipwayError, messageOf, type OperationOptions } from '@slipway/core';
import type { Reference, WholeImageSource } from '@slipway/oci';
import type { HostSystem } from '../system.ts';
import type { HostFinding } from './finding.ts';
import type { Refillable } from './refillable.ts';

/** How to look, and where images are to be had. */
export interface RefillOptions extends OperationOptions {
  readonly repair: boolean;
  readonly openSource: (reference: Reference) => WholeImageSource;
}

/**
 * Reads every object, image and record of the store. With repair, what is damaged is removed and fetched again: only layers
 * that lost something. Nothing is removed unless the image of everything damaged can be reached: half of something may
 * still boot, none of it does not.
 *
 * A cut during repair leaves the store without what was damaged; the next repair, or a pull of the image, fills the gap.
 */
export async function checkStore(
  system: HostSystem,
  refillables: readonly Refillable[],
  options: RefillOptions,
): Promise<readonly HostFinding[]> {
  const repository = await openRepository(system.layout.composefs);
  const { repair, openSource: _openSource, ...operation } = options;
  const found = await repository.fsck(operation);
  const damaged = refillables.filter(({ id }) => !isWhole(repository, id, found));
  const absent = damaged.filter(({ id }) => !repository.listImages().includes(id)).map(absentImage);
  const all = [...found.map(storeFinding), ...absent];
  if (!repair || all.length === 0) return all;
  const unreachable = await firstUnreachable(damaged, system, options);
  if (unreachable !== undefined) {
    return all.map((one) => ({
      ...one,
      message: `${one.message}; not repaired: ${unreachable}; ${WHAT_TO_DO}`,
    }));
  }
  const repairs = await repository.fsck({ ...operation, repair: true });
  const refilled = new Set<string>();
  for (const refillable of damaged) {
    await refill(system, repository, refillable, options);
    if (isWhole(repository, refillable.id, [])) refilled.add(refillable.id);
  }
  return [...repairs.map(storeFinding), ...absent].map((one) => ({
    ...one,
    repaired: one.repaired || refilled.has(one.name),
  }));
}

const WHAT_TO_DO =
  'repair again once its images can be reached, or switch to another image and delete what is damaged';

function storeFinding(finding: FsckFinding): HostFinding {
  return { part: 'store', ...finding };
}

function absentImage({ id }: Refillable): HostFinding {
  const message = 'the image of a deployment or an app is not in the store';
  return { part: 'store', kind: 'image-missing', name: id, message, repaired: false };
}

/** Whether all a deployment boots and reads is there, and nothing of it among what was found corrupt. */
function isWhole(repository: Repository, id: string, found: readonly FsckFinding[]): boolean {
  const corrupt = new Set(found.filter(({ kind }) => kind === 'object-corrupt').map(({ name }) => name));
  try {
    const { objects } = repository.reachable({ images: [id], streams: [] });
    return [...objects].every((digest) => repository.hasObject(digest) && !corrupt.has(digest));
  } catch (thrown) {
    if (!isSlipwayError(thrown)) throw thrown;
    return false;
  }
}

/** Why an image cannot be had; undefined when all can. */
async function firstUnreachable(
  damaged: readonly Refillable[],
  { architecture }: HostSystem,
  { openSource, repair: _repair, ...operation }: RefillOptions,
): Promise<string | undefined> {
  for (const refillable of damaged) {
    try {
      await using source = openSource(refillable.reference());
      await refillable.resolve(source, architecture, operation);
    } catch (thrown) {
      if (!isSlipwayError(thrown) || thrown.code === 'ABORTED') throw thrown;
      return messageOf(thrown);
    }
  }
  return undefined;
}

async function refill(
  system: HostSystem,
  repository: Repository,
  refillable: Refillable,
  { openSource, repair: _repair, ...operation }: RefillOptions,
): Promise<void> {
  await using source = openSource(refillable.reference());
  const image = await refillable.resolve(source, system.architecture, operation);
  const { signal } = operation;
  using _use = await repository.lock('shared', signal === undefined ? {} : { signal });
  const imported = await importImage(repository, source, image, {
    ...operation,
    cacheDir: system.layout.downloads,
  });
  await refillable.make(repository, imported, operation);
}
