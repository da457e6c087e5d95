/** Giving space back by hand: what nothing needs, or one deployment. */
import { removeDirectoryDurably } from '@slipway/boot';
import { type OperationOptions, SlipwayError } from '@slipway/core';
import { chooseDeployment, type ListedDeployment } from './choose-deployment.ts';
import { type HostState, readHostState } from './deployment.ts';
import { pathExists } from './directory.ts';
import { requireOwnBoot } from './foreign-entries.ts';
import { type CollectedGarbage, collectHostGarbage, removeDeployment } from './garbage.ts';
import { keptDeployments, readRetention } from './retention.ts';
import { publishStatus } from './status.ts';
import type { HostSystem } from './system.ts';
import { runTransaction } from './transaction.ts';

/** What a cleanup removed, or would remove. */
export interface CleanupResult extends CollectedGarbage {
  readonly kind: 'cleaned' | 'would-clean';
  /** Ids of the deployments that stay. */
  readonly kept: readonly string[];
}

/**
 * Removes deployments the policy does not keep, kernels, objects and unfinished downloads nobody needs. A cut leaves some of them.
 *
 * @param dryRun only say which deployments would go
 * @throws SlipwayError NOT_A_SLIPWAY_HOST, NOT_ROOT, HOST_LOCKED, STATE_INVALID when the policy cannot be read
 */
export async function cleanUp(
  system: HostSystem,
  { dryRun = false, ...options }: OperationOptions & { readonly dryRun?: boolean } = {},
): Promise<CleanupResult> {
  return await runTransaction(system, 'slipway cleanup', options, async (transaction) => {
    const state = await readHostState(system);
    requireOwnBoot(state);
    const kept = keptDeployments(state, await readRetention(system));
    if (dryRun) {
      const deployments = deploymentIds(state).filter((id) => !kept.has(id));
      return { kind: 'would-clean', kept: [...kept], deployments, kernels: [], objects: 0, freedBytes: 0 };
    }
    if (await pathExists(system.layout.downloads)) await removeDirectoryDurably(system.layout.downloads);
    const collected = await collectHostGarbage(transaction, { thorough: true });
    await publishStatus(system, transaction.log);
    return { kind: 'cleaned', kept: [...kept], ...collected };
  });
}

/** The deployment that went. */
export interface DeleteResult {
  readonly deployment: string;
  readonly version: string | undefined;
  readonly freedBytes: number;
}

/**
 * Deletes one deployment with everything only it needed; its `/etc` is gone for good, `/var` is shared and stays.
 *
 * Order: boot entry, state, kernel, objects. A cut leaves no entry without its deployment.
 *
 * @param name see {@link chooseDeployment}
 * @throws SlipwayError NO_SUCH_DEPLOYMENT, DEPLOYMENT_IN_USE when it runs, is staged, boots next or is pinned
 */
export async function deleteDeployment(
  system: HostSystem,
  name: string,
  options: OperationOptions = {},
): Promise<DeleteResult> {
  return await runTransaction(system, 'slipway delete', options, async (transaction) => {
    const state = await readHostState(system);
    requireOwnBoot(state);
    const listed = chooseDeployment(state, name);
    refuseInUse(state, listed);
    const { id, origin } = listed.deployment;
    await removeDeployment(transaction, id, 'deleted by hand');
    const { freedBytes } = await collectHostGarbage(transaction, { thorough: true });
    await publishStatus(system, transaction.log);
    return { deployment: id, version: origin?.version, freedBytes };
  });
}

function refuseInUse({ nextId }: HostState, { role, deployment }: ListedDeployment): void {
  const refuse = (why: string, hint: string): never => {
    const details = { deployment: deployment.id };
    throw new SlipwayError('DEPLOYMENT_IN_USE', `cannot delete the deployment ${deployment.id}: ${why}`, {
      hint,
      details,
    });
  };
  if (role === 'booted') refuse('it runs', 'boot another one first: slipway rollback --apply');
  if (role === 'staged') refuse('it is staged', 'take it back: slipway unstage');
  if (nextId === deployment.id) refuse('it boots next', 'take the rollback back first: slipway rollback');
  if (deployment.pinned) refuse('it is pinned', 'unpin it first: slipway unpin');
}

function deploymentIds({ booted, stagedDeployment, rollback, others }: HostState): readonly string[] {
  const all = [booted, stagedDeployment, rollback, ...others].flatMap((one) => one?.id ?? []);
  return [...new Set(all)];
}
