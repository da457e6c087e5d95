/** Taking back a staged update. */
import type { OperationOptions } from '@slipway/core';
import { readHostState } from './deployment.ts';
import { collectHostGarbage } from './garbage.ts';
import { dropStaged } from './stage-result.ts';
import { publishStatus } from './status.ts';
import type { HostSystem } from './system.ts';
import { runTransaction } from './transaction.ts';

/** What was taken back. */
export type UnstageResult =
  | { readonly kind: 'nothing-staged' }
  | { readonly kind: 'unstaged'; readonly deployment: string; readonly freedBytes: number };

/**
 * Drops the staged update and what only it needed. The host follows again the image the running deployment came from.
 *
 * A cut leaves it staged, or not and some of its files, which the next collection removes.
 *
 * @throws SlipwayError NOT_A_SLIPWAY_HOST, NOT_ROOT, HOST_LOCKED, STATE_INVALID
 */
export async function unstage(system: HostSystem, options: OperationOptions = {}): Promise<UnstageResult> {
  return await runTransaction(system, 'slipway unstage', options, async (transaction) => {
    const state = await readHostState(system);
    const deployment = await dropStaged(transaction, state, 'taken back by hand');
    if (deployment === undefined) return { kind: 'nothing-staged' };
    const { freedBytes } = await collectHostGarbage(transaction, { rollbackId: state.rollback?.id });
    await publishStatus(system, transaction.log);
    return { kind: 'unstaged', deployment, freedBytes };
  });
}
