/** What is left of a factory reset once the host is up: the other deployments, the record, and what is to be removed. */
import { rename } from 'node:fs/promises';
import { removeDirectoryDurably, syncDirectory } from '@slipway/boot';
import { openRepository } from '@slipway/composefs';
import { isSlipwayError, messageOf, type OperationOptions } from '@slipway/core';
import { type HostState, readHostState } from '../deployment.ts';
import { comparedTree } from '../deployment-tree.ts';
import { pathExists } from '../directory.ts';
import { buildMergedEtc, publishMergedEtc } from '../merged-etc.ts';
import { publishStatus } from '../status.ts';
import type { HostSystem } from '../system.ts';
import { runTransaction, type Transaction } from '../transaction.ts';
import { resetPaths } from './layout.ts';

/** What became of it. */
export type FactoryResetOutcome = 'nothing-to-do' | 'reset' | 'not-reset';

const LOCK_WAIT_MS = 60_000;

/**
 * Gives the other deployments an `/etc` again, of their image and of what was kept; records the reset; removes what was there before.
 * A cut leaves the rest to the next boot.
 *
 * @throws SlipwayError NOT_A_SLIPWAY_HOST, NOT_ROOT, HOST_LOCKED, IO_FAILED
 */
export async function finishFactoryReset(
  system: HostSystem,
  options: OperationOptions = {},
): Promise<FactoryResetOutcome> {
  const waiting = { ...options, waitMs: LOCK_WAIT_MS };
  return await runTransaction(system, 'slipway internals factory-reset', waiting, async (transaction) => {
    const paths = resetPaths(system.layout);
    // Of a request that was not finished, and of a reset that was cut short while it was removed.
    for (const left of [paths.part, paths.finished]) await removeDirectoryDurably(left);
    const outcome = await settle(transaction);
    await publishStatus(system, transaction.log);
    return outcome;
  });
}

async function settle(transaction: Transaction): Promise<FactoryResetOutcome> {
  const { system, record } = transaction;
  const paths = resetPaths(system.layout);
  if (await pathExists(paths.failed)) {
    const reason = 'the /etc of the image could not be made; nothing was changed';
    await record({ event: 'factory-reset-failed', reason });
    await removeDirectoryDurably(paths.failed);
    return 'not-reset';
  }
  if (!(await pathExists(paths.done))) return 'nothing-to-do';
  const state = await readHostState(system);
  await restoreOthers(transaction, state);
  await record({ event: 'factory-reset', deployment: state.booted.id });
  // By its name first: a boot that found half of it would begin anew.
  await rename(paths.directory, paths.finished);
  await syncDirectory(system.layout.state);
  await removeDirectoryDurably(paths.finished);
  return 'reset';
}

/** A deployment without an `/etc` does not boot. One whose image is damaged is left so: `fsck` names it. */
async function restoreOthers({ system, log }: Transaction, state: HostState): Promise<void> {
  const { booted, rollback, others } = state;
  const repository = await openRepository(system.layout.composefs);
  for (const { id } of [rollback, ...others].flatMap((one) => one ?? [])) {
    const deployment = system.layout.deployment(id);
    // Made by a boot that was cut short before it was put in its place.
    for (const left of ['.reset', '.reset-part']) await removeDirectoryDurably(`${deployment.etc}${left}`);
    if (await pathExists(deployment.etc)) continue;
    try {
      const { etc } = system.layout.deployment(booted.id);
      const [base, theirs] = [booted.id, id].map((each) => comparedTree(repository, each));
      if (base === undefined || theirs === undefined) continue;
      await buildMergedEtc({ repository, etc, base, theirs, policy: 'ours', log }, deployment);
      await publishMergedEtc(deployment);
    } catch (thrown) {
      if (!isSlipwayError(thrown)) throw thrown;
      log.warn('a deployment was left without an /etc', { deployment: id, reason: messageOf(thrown) });
    }
  }
}
