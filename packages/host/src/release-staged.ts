/** Letting go of an update that was only downloaded: the next shutdown finishes it. */
import { type OperationOptions, SlipwayError } from '@slipway/core';
import { type HostState, readHostState } from './deployment.ts';
import { type StagedUpdate, writeStaged } from './staged.ts';
import { publishStatus } from './status.ts';
import type { HostSystem } from './system.ts';
import { runTransaction, type Transaction } from './transaction.ts';

/** What `upgrade --from-downloaded` did. */
export interface ReleaseResult {
  /** `unchanged`: the staged update waited for nobody. */
  readonly kind: 'released' | 'unchanged';
  readonly deployment: string;
  readonly version: string | undefined;
}

/**
 * Makes the update that was downloaded before the one of the next boot, without asking any registry.
 *
 * A cut leaves it waiting or not.
 *
 * @throws SlipwayError NOTHING_STAGED, NOT_A_SLIPWAY_HOST, NOT_ROOT, HOST_LOCKED
 */
export async function releaseDownloaded(
  system: HostSystem,
  options: OperationOptions = {},
): Promise<ReleaseResult> {
  return await runTransaction(system, 'slipway upgrade', options, async (transaction) => {
    const state = await readHostState(system);
    const { staged, stagedDeployment } = state;
    if (staged === undefined) {
      throw new SlipwayError('NOTHING_STAGED', 'cannot use what was downloaded: nothing is staged', {
        hint: 'slipway upgrade --download-only fetches and stages what there is',
      });
    }
    const kind = staged.downloadOnly === true ? 'released' : 'unchanged';
    await setWaiting(transaction, state, false);
    return { kind, deployment: staged.deployment, version: stagedDeployment?.origin?.version };
  });
}

/** Makes the staged update wait, or no longer; nothing where it is so already. A cut leaves it as it was or as it is to be. */
export async function setWaiting(
  { system, log, record }: Transaction,
  { staged, stagedDeployment }: HostState,
  waits: boolean,
): Promise<void> {
  if (staged === undefined || (staged.downloadOnly === true) === waits) return;
  const { downloadOnly: _before, ...rest } = staged;
  const changed: StagedUpdate = waits ? { ...rest, downloadOnly: true } : rest;
  await writeStaged(system.layout.staged, changed);
  system.checkpoint?.('staged-written');
  const version = stagedDeployment?.origin?.version;
  const reason = waits ? 'waits from now on' : 'downloaded before';
  await record({ event: 'staged', deployment: staged.deployment, version, reason });
  await publishStatus(system, log);
}
