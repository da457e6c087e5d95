/** Room for one more kernel on the boot partition. */
import { statfs } from 'node:fs/promises';
import {
  bootEntryFiles,
  checkBootSpace,
  type KernelPlan,
  kernelDirectorySizes,
  planKernel,
} from '@slipway/boot';
import { kernelScope } from './adopt/record.ts';
import type { Deployment, HostState } from './deployment.ts';
import type { StagedPlan } from './deployment-plan.ts';
import { during } from './failure.ts';
import { collectKernels, removeDeployment } from './garbage.ts';
import { dropStaged } from './stage-result.ts';
import type { HostSystem } from './system.ts';
import type { Transaction } from './transaction.ts';

/** Something that can be given up for room. */
type Sacrifice = { readonly kind: 'staged' } | { readonly kind: 'deployment'; readonly id: string };

/**
 * Decides where the kernel of an update goes, and makes room where there is none: first kernels nothing uses, then deployments
 * kept beyond the one to go back to (what the boot loader would take last goes first), then an earlier staged update that this
 * one replaces, then the deployment kept for going back, whose place the booted one takes anyway. Pinned ones stay. Nothing is
 * given up unless it is enough.
 *
 * @throws SlipwayError BOOT_SPACE
 */
export async function makeKernelRoom(
  transaction: Transaction,
  state: HostState,
  plan: StagedPlan,
): Promise<KernelPlan> {
  const { system, log } = transaction;
  await collectKernels(system);
  const kernelPlan = await during('read the boot partition', system.esp, () =>
    planKernel(system.esp, plan.id, plan.kernel, kernelScope(state.adopted)),
  );
  for (const sacrifice of await neededSacrifices(system, state, kernelPlan, plan.id)) {
    if (sacrifice.kind === 'staged') {
      await dropStaged(transaction, state, 'replaced, and the boot partition has no room for both');
    } else {
      const reason = 'the boot partition had no room for another kernel';
      log.warn('a deployment to go back to is removed', { deployment: sacrifice.id, reason });
      await removeDeployment(transaction, sacrifice.id, reason);
    }
    await collectKernels(system);
  }
  await checkBootSpace(system.esp, kernelPlan);
  return kernelPlan;
}

/** As few as are enough; none when all of them are not, or none is needed. */
async function neededSacrifices(
  system: HostSystem,
  state: HostState,
  { neededBytes }: KernelPlan,
  plannedId: string,
): Promise<readonly Sacrifice[]> {
  const { bavail, bsize } = await statfs(system.esp);
  const sizes = await kernelDirectorySizes(system.esp, kernelScope(state.adopted));
  const possible = possibleSacrifices(state, plannedId);
  for (let count = 0; count <= possible.length; count += 1) {
    const taken = possible.slice(0, count);
    if (bavail * bsize + roomOf(state, taken, sizes) >= neededBytes) return taken;
  }
  return [];
}

function possibleSacrifices(state: HostState, plannedId: string): readonly Sacrifice[] {
  const isFree = ({ id, pinned }: Deployment): boolean => !pinned && id !== plannedId && id !== state.nextId;
  const deployments = (all: readonly Deployment[]): readonly Sacrifice[] =>
    all.filter(isFree).map(({ id }) => ({ kind: 'deployment', id }));
  return [
    ...deployments(state.others.toReversed()),
    ...(state.staged === undefined ? [] : [{ kind: 'staged' as const }]),
    // What somebody asked to go back to is not ours to give up.
    ...(state.nextId === state.booted.id && state.rollback !== undefined
      ? deployments([state.rollback])
      : []),
  ];
}

/** What would be free without them: kernels that nothing which stays boots as well. */
function roomOf(state: HostState, gone: readonly Sacrifice[], sizes: ReadonlyMap<string, number>): number {
  const goneIds = new Set(gone.map((one) => (one.kind === 'deployment' ? one.id : undefined)));
  const goneFiles = new Set(
    state.entries.filter(({ id }) => goneIds.has(id)).map(({ fileName }) => fileName),
  );
  const stays = state.allEntries.filter(({ fileName }) => !goneFiles.has(fileName));
  const used = new Set(stays.flatMap(({ entry }) => bootEntryFiles(entry)).map(directoryOf));
  if (state.staged !== undefined && !gone.some(({ kind }) => kind === 'staged')) {
    used.add(state.staged.kernelDirectory);
  }
  return [...sizes].reduce((total, [directory, bytes]) => total + (used.has(directory) ? 0 : bytes), 0);
}

function directoryOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}
