/** Taking a host over that bootc's composefs backend installed, as it is. */
import { openRepository, type RepositoryLock } from '@slipway/composefs';
import { isoTime, isSlipwayError, type OperationOptions } from '@slipway/core';
import { bootedDeploymentId } from '../booted-id.ts';
import { readHostState } from '../deployment.ts';
import { mountAt } from '../mount-table.ts';
import { publishStatus } from '../status.ts';
import type { HostSystem } from '../system.ts';
import { runTransaction, type Transaction } from '../transaction.ts';
import { type EntryStepTold, takeEntryStep, toldEntryStep } from './entry-step.ts';
import { refusal } from './obstacle.ts';
import { type AdoptionStep, planAdoption } from './plan.ts';
import { writeAdoption } from './record.ts';
import { surveyBootcHost } from './survey.ts';

/** A step as it is told. */
export type AdoptionStepTold = EntryStepTold | { readonly kind: 'record' };

/** What became of it. */
export interface AdoptionResult {
  readonly kind: 'adopted' | 'would-adopt' | 'nothing-to-do';
  readonly steps: readonly AdoptionStepTold[];
}

/**
 * Makes the deployments bootc boots Slipway's: each gets an entry of our own that starts the very same, then bootc's entries go.
 * Nothing is fetched, nothing restarts, and `/etc`, `/var` and origin files stay as they are. A host that is Slipway's is left alone.
 *
 * A cut leaves bootc's entries first in boot order, or ours; what boots is the same, and run again it does the rest.
 *
 * @throws SlipwayError ADOPTION_REFUSED with every reason, REPOSITORY_LOCKED while bootc is at work, NOT_A_SLIPWAY_HOST, NOT_ROOT,
 *   HOST_LOCKED, STATE_INVALID, NO_SPACE
 */
export async function adoptHost(
  system: HostSystem,
  { dryRun = false, ...options }: OperationOptions & { readonly dryRun?: boolean } = {},
): Promise<AdoptionResult> {
  await requireOwnInitramfs(system);
  return await runTransaction(system, 'slipway adopt', options, async (transaction) => {
    using _alone = dryRun ? undefined : await shutOutBootc(system);
    const state = await readHostState(system);
    const plan = planAdoption(await surveyBootcHost(system, state, transaction.log));
    if (plan.kind === 'refused') throw refusal('adopt this host', plan.obstacles);
    if (plan.kind === 'nothing-to-do') return { kind: 'nothing-to-do', steps: [] };
    const steps = plan.steps.map(told);
    if (dryRun) return { kind: 'would-adopt', steps };
    for (const step of plan.steps) await take(transaction, step);
    const { booted } = await readHostState(system);
    await transaction.record({
      event: 'adopted',
      deployment: booted.id,
      image: booted.origin?.image.image,
      manifestDigest: booted.origin?.manifestDigest,
      reason: `it was installed by bootc; ${booted.entry?.fileName ?? 'no entry'} starts what runs`,
    });
    await publishStatus(system, transaction.log);
    return { kind: 'adopted', steps };
  });
}

/** Nothing can be changed then, the lock not even taken: it goes before every other reason. */
async function requireOwnInitramfs(system: HostSystem): Promise<void> {
  const mountInfo = await system.mountInfo();
  if (bootedDeploymentId(mountInfo) === undefined || mountAt(mountInfo, '/sysroot')?.isReadOnly !== true)
    return;
  throw refusal('adopt this host', [
    {
      what: "/sysroot is mounted read-only: the initramfs is bootc's",
      hint: "build the image with Slipway's module of the initramfs in the place of bootc's",
    },
  ]);
}

/** A bootc at work holds its store; one that begins now waits. */
async function shutOutBootc({ layout }: HostSystem): Promise<RepositoryLock | undefined> {
  try {
    const repository = await openRepository(layout.composefs);
    return await repository.lock('exclusive', { waitMs: 0 });
  } catch (thrown) {
    // The survey says what is wrong with it.
    if (isSlipwayError(thrown, 'REPOSITORY_INVALID')) return undefined;
    throw thrown;
  }
}

/** What a cut right after a step leaves is said at the kinds of steps. */
async function take({ system }: Transaction, step: AdoptionStep): Promise<void> {
  if (step.kind !== 'record') return await takeEntryStep(system, step);
  await writeAdoption(system.layout.adopted, { since: isoTime(system.clock) });
  system.checkpoint?.('adoption-recorded');
}

function told(step: AdoptionStep): AdoptionStepTold {
  return step.kind === 'record' ? step : toldEntryStep(step);
}
