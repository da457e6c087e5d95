/** What a host lets go of: deployments nothing will boot any more, their kernels, their objects. */
import { removeBootEntry, removeDirectoryDurably, removeUnusedKernels } from '@slipway/boot';
import { type GarbageReport, manifestStreamName, openRepository } from '@slipway/composefs';
import { isSlipwayError } from '@slipway/core';
import { bootcReferences } from './adopt/bootc-references.ts';
import { kernelScope } from './adopt/record.ts';
import { appImages } from './apps/app-images.ts';
import { collectBoundImages } from './bound/keep-bound.ts';
import { type DeploymentBootEntry, type HostState, readHostState } from './deployment.ts';
import { listDirectory } from './directory.ts';
import { isOthersBoot } from './foreign-entries.ts';
import { isDeploymentId } from './layout.ts';
import { keptDeployments, readRetention } from './retention.ts';
import { supersededEntries } from './superseded-entries.ts';
import type { HostSystem } from './system.ts';
import type { Transaction } from './transaction.ts';

/** Why deployments stay. */
export interface CollectOptions {
  /** The deployment to go back to, where it is not the one the boot loader would choose. */
  readonly rollbackId?: string | undefined;
  /** Look for objects nobody needs even when no deployment went: after an update that failed. */
  readonly thorough?: boolean;
}

/** What went. */
export interface CollectedGarbage {
  readonly deployments: readonly string[];
  readonly kernels: readonly string[];
  readonly objects: number;
  /** Given back by the object store. */
  readonly freedBytes: number;
}

const NOTHING: CollectedGarbage = { deployments: [], kernels: [], objects: 0, freedBytes: 0 };

/**
 * Removes every deployment that neither runs, nor is staged, nor is pinned, nor is kept by the policy; then kernels and objects
 * that only they needed. The caller holds the host's lock.
 *
 * Order: boot entry, state, kernel, objects. A cut in between leaves something nothing refers to, which the next call removes;
 * never an entry without its deployment. When the booted deployment has no entry, another program's stands first, or the policy cannot be
 * read, nothing is removed: what is to stay is not known.
 */
export async function collectHostGarbage(
  transaction: Transaction,
  options: CollectOptions = {},
): Promise<CollectedGarbage> {
  const { system, log } = transaction;
  const state = await readHostState(system);
  if (state.booted.entry === undefined) {
    log.warn('nothing is collected: the booted deployment has no boot entry', {
      deployment: state.booted.id,
    });
    return NOTHING;
  }
  if (isOthersBoot(state)) return NOTHING;
  const kept = await keptIds(transaction, state, options.rollbackId);
  if (kept === undefined) return NOTHING;
  const deployments = await removeDeployments(transaction, state, kept);
  await removeDuplicateEntries(system, state, kept);
  const kernels = await collectKernels(system);
  if (deployments.length > 0 || options.thorough === true) await collectBoundImages(transaction, kept);
  const report = await collectObjects(transaction, kept, {
    thorough: options.thorough ?? false,
    deploymentsWent: deployments.length > 0,
  });
  const { removedObjects = 0, freedBytes = 0 } = report ?? {};
  return { deployments, kernels, objects: removedObjects, freedBytes };
}

/** Kernels no entry and no staged update names. */
export async function collectKernels(system: HostSystem): Promise<readonly string[]> {
  const { allEntries, staged, adopted } = await readHostState(system);
  const keep = staged === undefined ? [] : [staged.kernelDirectory];
  return removeUnusedKernels(
    system.esp,
    allEntries.map(({ entry }) => entry),
    keep,
    kernelScope(adopted),
  );
}

/** Takes one deployment away: it cannot be booted any more. Kernel and objects go with the next collection. */
export async function removeDeployment(
  { system, record }: Transaction,
  id: string,
  reason: string,
): Promise<void> {
  const { entries } = await readHostState(system);
  await removeEntries(
    system,
    entries.filter((entry) => entry.id === id),
  );
  await removeDirectoryDurably(system.layout.deployment(id).directory);
  await record({ event: 'removed', deployment: id, reason });
}

/** Undefined: the policy is damaged. */
async function keptIds(
  { system, log }: Transaction,
  state: HostState,
  rollbackId: string | undefined,
): Promise<ReadonlySet<string> | undefined> {
  try {
    return keptDeployments(state, await readRetention(system), rollbackId);
  } catch (thrown) {
    if (!isSlipwayError(thrown, 'STATE_INVALID')) throw thrown;
    log.warn('nothing is collected', { reason: thrown.message });
    return undefined;
  }
}

async function removeDeployments(
  { system, record }: Transaction,
  state: HostState,
  kept: ReadonlySet<string>,
): Promise<readonly string[]> {
  await removeEntries(
    system,
    state.entries.filter(({ id }) => !kept.has(id)),
  );
  const present = (await listDirectory(system.layout.deployments)).filter(isDeploymentId);
  const superfluous = present.filter((id) => !kept.has(id));
  for (const id of superfluous) {
    await removeDirectoryDurably(system.layout.deployment(id).directory);
    const reason = 'neither booted, nor staged, nor pinned, nor kept for going back';
    await record({ event: 'removed', deployment: id, reason });
  }
  return superfluous;
}

/** A rollback, and other kernel arguments, add an entry for a deployment that has one; once it was decided, the old one is of no use. */
async function removeDuplicateEntries(
  system: HostSystem,
  state: HostState,
  kept: ReadonlySet<string>,
): Promise<void> {
  // While another deployment than the booted one is to boot next, its older entry is the way to take that back.
  if (state.nextId !== state.booted.id) return;
  await removeEntries(
    system,
    supersededEntries(state.entries).filter(({ id }) => kept.has(id)),
  );
}

async function removeEntries(system: HostSystem, entries: readonly DeploymentBootEntry[]): Promise<void> {
  for (const { fileName } of entries) {
    await removeBootEntry(system.esp, fileName);
    system.checkpoint?.('entry-removed');
  }
}

/** What the store keeps: the images, and the records of layers that spare the next pull fetching them again. */
async function collectObjects(
  { system, log }: Transaction,
  kept: ReadonlySet<string>,
  { thorough, deploymentsWent }: { readonly thorough: boolean; readonly deploymentsWent: boolean },
): Promise<GarbageReport | undefined> {
  try {
    const repository = await openRepository(system.layout.composefs);
    const apps = await appImages(system.layout);
    const { booted, rollback, stagedDeployment, others, adopted } = await readHostState(system);
    const deployments = [booted, rollback, stagedDeployment, ...others];
    const digests = deployments.map((one) => one?.origin?.manifestDigest).filter((one) => one !== undefined);
    const manifests = new Set([...digests, ...apps.manifestDigests].map(manifestStreamName));
    // As bootc's own collection does: its name for a manifest goes with the deployment.
    const spent =
      adopted === undefined ? [] : bootcReferences(repository, ({ target }) => !manifests.has(target));
    for (const { name } of spent) repository.streamRefs.remove(name);
    const images = new Set([...kept, ...apps.images]);
    const streams = repository.listStreams();
    const isCurrent = (name: string): boolean =>
      !name.startsWith(manifestStreamName('')) || manifests.has(name);
    // Telling objects apart means reading every image: not at every boot for nothing.
    // bootc keeps images beside those that boot: there only what went tells.
    const imagesStay =
      adopted === undefined ? repository.listImages().every((id) => images.has(id)) : !deploymentsWent;
    const nothingWent = imagesStay && streams.every(isCurrent);
    if (nothingWent && !thorough) return undefined;
    const keepStreams = streams.filter((name) => manifests.has(name));
    return await repository.gc({ keepImages: images, keepStreams, log });
  } catch (thrown) {
    // Somebody reads the store, or something kept is damaged: the objects are in nobody's way until the next time.
    if (!isSlipwayError(thrown)) throw thrown;
    log.warn('objects were not collected', { code: thrown.code, reason: thrown.message });
    return undefined;
  }
}
