/** Giving a host back to bootc, as data: its two entries for what runs and what is there to go back to, then ours go. */
import {
  BOOTC_DEFAULT_OS,
  bootcEntry,
  bootEntryOptions,
  type EspEntry,
  entryOptionSources,
  isBootcEntry,
  type KernelPlan,
  optionSourceFields,
} from '@slipway/boot';
import { formatBytes } from '@slipway/core';
import { type EntryStep, isSameEntry } from './entry-step.ts';
import type { GiveBackFacts, GivenDeployment } from './give-back-survey.ts';
import type { Obstacle } from './obstacle.ts';

/** One durable step. */
export type GiveBackStep =
  /** Nobody reads them before bootc does. */
  | { readonly kind: 'write-streams'; readonly deployment: string; readonly manifestDigest: string }
  /** No entry names it yet. */
  | { readonly kind: 'write-kernel'; readonly deployment: string; readonly plan: KernelPlan }
  /** Written, that of what runs first: alone it boots the same as ours behind it. Of ours that are removed bootc's stand before. */
  | EntryStep
  /** Names in the object store that would mislead bootc, and kernels nothing starts. */
  | { readonly kind: 'tidy' }
  /** From here on it is bootc's to look after. */
  | { readonly kind: 'forget' };

/** What is to be done, or everything that stands against it. */
export type GiveBackPlan =
  | {
      readonly kind: 'steps';
      readonly steps: readonly GiveBackStep[];
      /** Deployments without an entry from then on: bootc removes them. */
      readonly left: readonly string[];
    }
  | { readonly kind: 'nothing-to-do' }
  | { readonly kind: 'refused'; readonly obstacles: readonly Obstacle[] };

/** Decides it. */
export function planGiveBack(facts: GiveBackFacts): GiveBackPlan {
  const { state, deployments } = facts;
  const own = state.entries.filter(({ sequence }) => sequence !== undefined);
  if (own.length === 0 && state.adopted === undefined && state.entries.some(isBootcEntry))
    return { kind: 'nothing-to-do' };
  const kernels = kernelPlans(deployments);
  const obstacles = [
    ...hostObstacles(facts),
    ...deployments.flatMap(obstaclesOf),
    ...roomObstacles(facts, kernels),
  ];
  if (obstacles.length > 0) return { kind: 'refused', obstacles };
  const streams = deployments.flatMap(({ id, manifestDigest }): readonly GiveBackStep[] =>
    manifestDigest === undefined ? [] : [{ kind: 'write-streams', deployment: id, manifestDigest }],
  );
  const writes = kernels.flatMap(({ deployment, plan }): readonly GiveBackStep[] =>
    plan.shared ? [] : [{ kind: 'write-kernel', deployment, plan }],
  );
  const entries = deployments.flatMap((deployment, index) =>
    entryStep(deployment, index, kernels, state.entries),
  );
  const removals = own
    .toReversed()
    .map(({ fileName, id }) => ({ kind: 'remove-entry', fileName, deployment: id }) as const);
  const given = deployments.map(({ id }) => id);
  const others = [state.rollback, ...state.others].flatMap((one) => one?.id ?? []);
  const left = others.filter((id) => !given.includes(id));
  const steps = [...streams, ...writes, ...entries, ...removals, TIDY, FORGET];
  return { kind: 'steps', steps, left };
}

const TIDY: GiveBackStep = { kind: 'tidy' };
const FORGET: GiveBackStep = { kind: 'forget' };

interface PlannedKernel {
  readonly deployment: string;
  readonly plan: KernelPlan;
}

/** Where two start the same kernel, it is written once. */
function kernelPlans(deployments: readonly GivenDeployment[]): readonly PlannedKernel[] {
  const plans: PlannedKernel[] = [];
  for (const { id, kernel } of deployments) {
    if (kernel === undefined) continue;
    const same = plans.find(({ plan }) => !plan.shared && plan.bootDigest === kernel.bootDigest);
    const plan = same === undefined ? kernel : { ...same.plan, shared: true, neededBytes: 0 };
    plans.push({ deployment: id, plan });
  }
  return plans;
}

function entryStep(
  { id, entry, osRelease }: GivenDeployment,
  index: number,
  kernels: readonly PlannedKernel[],
  present: readonly EspEntry[],
): readonly GiveBackStep[] {
  const plan = kernels.find(({ deployment }) => deployment === id)?.plan;
  if (plan === undefined) return [];
  const wanted = bootcEntry({
    place: index === 0 ? 'primary' : 'secondary',
    osId: osRelease.id ?? BOOTC_DEFAULT_OS,
    title: osRelease.name ?? id,
    version: osRelease.version ?? id,
    kernelDirectory: plan.directory,
    options: bootEntryOptions(entry.entry),
    more: optionSourceFields(entryOptionSources(entry.entry)),
  });
  const isThere = present.some(
    (one) => one.fileName === wanted.fileName && isSameEntry(one.entry, wanted.entry),
  );
  return isThere ? [] : [{ kind: 'write-entry', deployment: id, ...wanted }];
}

function hostObstacles({
  state,
  algorithm,
  hasBootc,
  apps,
  deployments,
}: GiveBackFacts): readonly Obstacle[] {
  const found: Obstacle[] = [];
  if (state.bootLoader === 'grub')
    found.push({ what: 'GRUB starts it by a menu bootc does not read', hint: 'install it with bootc' });
  if (algorithm !== 'sha512')
    found.push({
      what: `its object store is of ${algorithm}, and bootc reads sha512 alone`,
      hint: 'install it with bootc',
    });
  if (!hasBootc)
    found.push({
      what: 'the running image has no bootc-finalize-staged.service: nothing would finish updates of bootc',
      hint: 'build an image with bootc in it, slipway upgrade to it, reboot, and give the host back then',
    });
  if (state.staged !== undefined)
    found.push({ what: 'an update is staged', hint: 'slipway unstage, or reboot first' });
  if (state.nextId !== state.booted.id || !deployments.some(({ id }) => id === state.booted.id))
    found.push({
      what: 'another deployment than the running one boots next',
      hint: 'take the rollback back, or reboot first',
    });
  for (const { fileName, name } of state.entries)
    if ((name.counter?.triesLeft ?? 0) > 0)
      found.push({
        what: `the boots of ${fileName} are counted`,
        hint: 'wait for the boot to be good',
      });
  for (const { id } of state.others.filter(({ pinned }) => pinned))
    found.push({
      what: `the deployment ${id.slice(0, 12)} is pinned, and bootc keeps two`,
      hint: 'slipway unpin',
    });
  if (apps.length > 0)
    found.push({
      what: `bootc would remove the files of the apps ${apps.join(', ')}`,
      hint: 'slipway app remove',
    });
  return found;
}

function obstaclesOf({ id, kernel, hasDocuments }: GivenDeployment): readonly Obstacle[] {
  const short = id.slice(0, 12);
  const found: Obstacle[] = [];
  if (kernel === undefined)
    found.push({ what: `the kernel of the deployment ${short} is missing`, hint: 'slipway fsck --repair' });
  if (!hasDocuments)
    found.push({
      what: `the object store does not have the manifest of the deployment ${short}`,
      hint: 'slipway switch to its image brings it again; slipway delete for the one to go back to',
    });
  return found;
}

function roomObstacles({ freeBytes }: GiveBackFacts, kernels: readonly PlannedKernel[]): readonly Obstacle[] {
  const neededBytes = kernels.reduce((total, { plan }) => total + plan.neededBytes, 0);
  if (neededBytes <= freeBytes) return [];
  const [needed, free] = [formatBytes(neededBytes), formatBytes(freeBytes)];
  return [
    {
      what: `kernels under bootc's names need ${needed} of the boot partition, and ${free} are free`,
      hint: 'slipway delete rollback, or slipway cleanup',
    },
  ];
}
