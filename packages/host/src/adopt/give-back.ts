/** Giving a host back to bootc. */
import { removeUnusedKernels, writeKernel } from '@slipway/boot';
import { openRepository } from '@slipway/composefs';
import { type OperationOptions, SlipwayError } from '@slipway/core';
import { type HostState, readHostState } from '../deployment.ts';
import { during } from '../failure.ts';
import { publishStatus } from '../status.ts';
import type { HostSystem } from '../system.ts';
import { runTransaction, type Transaction } from '../transaction.ts';
import { removeOwnRecords, writeBootcStreams } from './bootc-streams.ts';
import { type EntryStepTold, takeEntryStep, toldEntryStep } from './entry-step.ts';
import { type GiveBackStep, planGiveBack } from './give-back-plan.ts';
import { startedPair, surveyForBootc } from './give-back-survey.ts';
import { refusal } from './obstacle.ts';
import { removeAdoption } from './record.ts';

/** A step as it is told. */
export type GiveBackStepTold =
  | { readonly kind: 'write-streams'; readonly deployment: string }
  | { readonly kind: 'write-kernel'; readonly deployment: string; readonly directory: string }
  | EntryStepTold
  | { readonly kind: 'tidy' | 'forget' };

/** What became of it. */
export interface GiveBackResult {
  readonly kind: 'given-back' | 'would-give-back' | 'nothing-to-do';
  readonly steps: readonly GiveBackStepTold[];
  /** Deployments bootc removes: it keeps what runs and one to go back to. */
  readonly left: readonly string[];
}

/**
 * Makes the running deployment and the one to go back to bootc's: entries and kernels under its names, manifest and configuration where
 * it looks for them; then ours go.
 *
 * A cut leaves our entries first in boot order, or bootc's; what boots is the same, and run again it does the rest.
 *
 * @throws SlipwayError ADOPTION_REFUSED with every reason, NOT_A_SLIPWAY_HOST, NOT_ROOT, HOST_LOCKED, STATE_INVALID, NO_SPACE, BOOT_SPACE
 */
export async function giveHostBack(
  system: HostSystem,
  { dryRun = false, ...options }: OperationOptions & { readonly dryRun?: boolean } = {},
): Promise<GiveBackResult> {
  return await runTransaction(system, 'slipway adopt --give-back', options, async (transaction) => {
    const state = await readHostState(system);
    const plan = planGiveBack(await surveyForBootc(system, state));
    if (plan.kind === 'refused') throw refusal('give this host back', plan.obstacles);
    if (plan.kind === 'nothing-to-do') return { kind: 'nothing-to-do', steps: [], left: [] };
    const steps = plan.steps.map(told);
    if (dryRun) return { kind: 'would-give-back', steps, left: plan.left };
    for (const step of plan.steps) await take(transaction, state, step);
    await transaction.record({
      event: 'given-back',
      deployment: state.booted.id,
      reason: 'bootc updates it from now on',
    });
    await publishStatus(system, transaction.log);
    return { kind: 'given-back', steps, left: plan.left };
  });
}

/** What a cut right after a step leaves is said at the kinds of steps. */
async function take({ system }: Transaction, state: HostState, step: GiveBackStep): Promise<void> {
  const { layout } = system;
  switch (step.kind) {
    case 'write-streams':
      await writeBootcStreams(await openRepository(layout.composefs), step.deployment, step.manifestDigest);
      system.checkpoint?.('streams-written');
      break;
    case 'write-kernel':
      await copyKernel(system, state, step);
      system.checkpoint?.('kernel-written');
      break;
    case 'write-entry':
    case 'remove-entry':
      await takeEntryStep(system, step);
      break;
    case 'tidy':
      await removeOwnRecords(await openRepository(layout.composefs));
      await tidyKernels(system);
      system.checkpoint?.('entries-tidied');
      break;
    case 'forget':
      await removeAdoption(layout.adopted);
      system.checkpoint?.('adoption-forgotten');
      break;
  }
}

async function copyKernel(
  { esp }: HostSystem,
  { entries, booted, rollback }: HostState,
  { deployment, plan }: Extract<GiveBackStep, { readonly kind: 'write-kernel' }>,
): Promise<void> {
  const started = [booted, rollback].find((one) => one?.id === deployment)?.entry;
  const entry = entries.find(({ fileName }) => fileName === started?.fileName);
  const pair = entry === undefined ? undefined : await startedPair(esp, entry);
  if (pair === undefined)
    throw new SlipwayError(
      'STATE_INVALID',
      `cannot find the kernel of the deployment ${deployment} any more`,
    );
  await during('write the kernel', esp, () => writeKernel(esp, plan, pair));
}

async function tidyKernels(system: HostSystem): Promise<void> {
  const { allEntries } = await readHostState(system);
  await removeUnusedKernels(
    system.esp,
    allEntries.map(({ entry }) => entry),
    [],
    { namings: ['slipway', 'bootc'] },
  );
}

function told(step: GiveBackStep): GiveBackStepTold {
  const { kind } = step;
  if (kind === 'tidy' || kind === 'forget') return { kind };
  if (kind === 'write-entry' || kind === 'remove-entry') return toldEntryStep(step);
  const { deployment } = step;
  return kind === 'write-streams'
    ? { kind, deployment }
    : { kind, deployment, directory: step.plan.directory };
}
