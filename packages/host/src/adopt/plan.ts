/** Taking a host over from bootc, as data: entries of our own for what bootc boots, then bootc's go. */
import {
  type BootEntry,
  bootEntryOptions,
  bootEntryValue,
  compareBootEntries,
  type EspEntry,
  entryDeployment,
  isBootcEntry,
  kernelArgumentValue,
  kernelNaming,
  parseEntryName,
  parseKernelCommandLine,
  SLIPWAY_SORT_KEY,
  slipwayEntryName,
} from '@slipway/boot';
import type { DeploymentBootEntry } from '../deployment.ts';
import { deploymentTitle } from '../image-file.ts';
import { type EntryStep, isSameEntry } from './entry-step.ts';
import type { Obstacle } from './obstacle.ts';
import type { AdoptionFacts, BootcDeployment } from './survey.ts';

/** One durable step. */
export type AdoptionStep =
  /**
   * Written, ours stand behind bootc's, so that until the last step nothing boots otherwise. Removed from the back: what boots first boots first
   * to the end, and then by our entry.
   */
  | EntryStep
  /** From here on bootc's leftovers are looked after. */
  | { readonly kind: 'record' };

/** What is to be done, or everything that stands against it. */
export type AdoptionPlan =
  | { readonly kind: 'steps'; readonly steps: readonly AdoptionStep[] }
  | { readonly kind: 'nothing-to-do' }
  | { readonly kind: 'refused'; readonly obstacles: readonly Obstacle[] };

/** Decides it. */
export function planAdoption(facts: AdoptionFacts): AdoptionPlan {
  const { allEntries, adopted, entries } = facts.state;
  if (!allEntries.some(isBootcEntry) && facts.unreadable.length === 0) {
    // Cut after bootc's entries were gone: what they started is still where bootc put it.
    const isHalfway = adopted === undefined && entries.some(bootsBootcsKernel);
    return isHalfway ? { kind: 'steps', steps: [{ kind: 'record' }] } : { kind: 'nothing-to-do' };
  }
  const obstacles = [...hostObstacles(facts), ...entryObstacles(facts)];
  if (obstacles.length > 0) return { kind: 'refused', obstacles };
  const own = ownEntries(facts);
  const others = orderObstacles(facts, own);
  if (others.length > 0) return { kind: 'refused', obstacles: others };
  const first = own.at(-1)?.sequence ?? 0;
  const writes = own
    .filter((one) => !one.isThere)
    .map(({ isThere: _isThere, sequence: _sequence, ...step }) => step);
  // Of ours from before bootc had the host, those that would start instead.
  const gone = entries.filter((one) => isBootcEntry(one) || (one.sequence ?? 0) > first);
  const removals = gone
    .toReversed()
    .map(({ fileName, id }) => ({ kind: 'remove-entry', fileName, deployment: id }) as const);
  return { kind: 'steps', steps: [...writes, ...removals, { kind: 'record' }] };
}

/** Whether an entry starts a kernel out of a directory of bootc's. */
export function bootsBootcsKernel({ entry }: EspEntry): boolean {
  return kernelNaming(bootEntryValue(entry, 'linux')?.split('/').at(-2) ?? '') === 'bootc';
}

interface OwnEntry extends Extract<EntryStep, { readonly kind: 'write-entry' }> {
  /** Written before a cut. */
  readonly isThere: boolean;
  readonly sequence: number;
}

/** For each deployment bootc boots one, in the same order: the last choice has the lowest number. */
function ownEntries({ state: { entries }, deployments }: AdoptionFacts): readonly OwnEntry[] {
  const theirs = entries.filter(isBootcEntry);
  const firsts = theirs.filter(({ id }, index) => theirs.findIndex((one) => one.id === id) === index);
  const present = entries.filter(isOwn);
  let highest = Math.max(0, ...present.map(({ sequence }) => sequence ?? 0));
  let last = 0;
  const own: OwnEntry[] = [];
  for (const { id, entry: theirEntry } of firsts.toReversed()) {
    const entry = entryFor(
      theirEntry,
      deployments.find((one) => one.id === id),
      id,
    );
    const same = present.find(
      (one) => (one.sequence ?? 0) > last && one.name.counter === undefined && isSameEntry(one.entry, entry),
    );
    const sequence = same?.sequence ?? highest + 1;
    highest = Math.max(highest, sequence);
    last = sequence;
    const fileName = slipwayEntryName(sequence, 'good');
    own.push({ kind: 'write-entry', fileName, deployment: id, entry, sequence, isThere: same !== undefined });
  }
  return own;
}

function isOwn({ sequence }: DeploymentBootEntry): boolean {
  return sequence !== undefined;
}

/** It starts the very same. It is not counted: it is known good. */
function entryFor(theirs: BootEntry, deployment: BootcDeployment | undefined, id: string): BootEntry {
  const isKept = (key: string): boolean =>
    ['linux', 'initrd', 'devicetree', 'options'].includes(key) || key.startsWith('x-options-source-');
  const title = deploymentTitle(bootEntryValue(theirs, 'title'), deployment?.version, id);
  return {
    fields: [
      { key: 'title', value: title },
      { key: 'sort-key', value: SLIPWAY_SORT_KEY },
      ...theirs.fields.filter(({ key }) => isKept(key)),
    ],
  };
}

function hostObstacles(facts: AdoptionFacts): readonly Obstacle[] {
  const { state, stagedByBootc, pinnedEntry, repositoryProblem, missingParts, disabled } = facts;
  const found: Obstacle[] = [];
  if (state.bootLoader === 'grub')
    found.push({ what: 'GRUB starts it', hint: 'only hosts that systemd-boot starts can be taken over' });
  if (repositoryProblem !== undefined)
    found.push({ what: repositoryProblem, hint: 'update it with a newer bootc' });
  if (stagedByBootc) found.push({ what: 'bootc has an update ready', hint: 'reboot first' });
  if (pinnedEntry !== undefined)
    found.push({
      what: `the boot loader is set to start ${pinnedEntry} by default`,
      hint: "let it go by their order: bootctl set-default ''",
    });
  if (missingParts.length > 0)
    found.push({
      what: `the running image has no ${missingParts.join(', no ')}`,
      hint: 'build an image with Slipway in it, bootc upgrade to it, reboot, and adopt the host then',
    });
  if (disabled.length > 0)
    found.push({
      what: `nothing starts ${disabled.join(' and ')}`,
      hint: `systemctl enable --now ${disabled.join(' ')}`,
    });
  if (!state.entries.some(({ id }) => id === state.booted.id))
    found.push({ what: 'no boot entry starts what runs', hint: 'reboot, and let bootc write its entries' });
  return found;
}

function entryObstacles({ state, unreadable, deployments }: AdoptionFacts): readonly Obstacle[] {
  const hint = 'let bootc write its entries anew: bootc upgrade, and reboot';
  return [
    ...unreadable.map((fileName) => ({ what: `the entry ${fileName} cannot be read`, hint })),
    ...state.allEntries.filter(isBootcEntry).flatMap(obstaclesOfEntry),
    ...deployments.flatMap(obstaclesOfDeployment),
  ];
}

function obstaclesOfEntry({ fileName, name, entry }: EspEntry): readonly Obstacle[] {
  const found: Obstacle[] = [];
  if (bootEntryValue(entry, 'linux') === undefined)
    found.push({
      what: `${fileName} starts a unified kernel image`,
      hint: 'only hosts whose kernel and initramfs are files of their own can be taken over',
    });
  else if (entryDeployment(entry) === undefined || saysOtherwise(entry))
    found.push({
      what: `${fileName} does not say by composefs= alone which deployment it starts`,
      hint: 'this version of Slipway does not know another way',
    });
  if (name.counter !== undefined)
    found.push({ what: `the boots of ${fileName} are still counted`, hint: 'wait for the boot to be good' });
  return found;
}

/** A second way to say it would go on naming the old deployment after an update. */
function saysOtherwise(entry: BootEntry): boolean {
  return (
    kernelArgumentValue(parseKernelCommandLine(bootEntryOptions(entry)), 'composefs.digest') !== undefined
  );
}

function obstaclesOfDeployment(deployment: BootcDeployment): readonly Obstacle[] {
  const { id, hasState, hasOrigin, imageProblem, missingFiles } = deployment;
  const short = id.slice(0, 12);
  const found: Obstacle[] = [];
  const lost = 'let bootc take it away, or bring it anew: bootc upgrade, and reboot';
  if (!hasState) found.push({ what: `the deployment ${short} has no /etc or no /var`, hint: lost });
  if (!hasOrigin) found.push({ what: `the deployment ${short} has no origin file`, hint: lost });
  if (imageProblem !== undefined)
    found.push({ what: `the image of the deployment ${short}: ${imageProblem}`, hint: lost });
  if (missingFiles.length > 0)
    found.push({
      what: `${missingFiles.join(' and ')} of the deployment ${short} are not on the boot partition`,
      hint: 'kernels in /boot of the root file system, as GRUB starts them, cannot be taken over',
    });
  return found;
}

/** What a third program wrote may stand before entries of ours. */
function orderObstacles({ state }: AdoptionFacts, own: readonly OwnEntry[]): readonly Obstacle[] {
  const rest = state.entries.filter((one) => !isBootcEntry(one) && !isOwn(one));
  const after = [...rest, ...own.flatMap(named)].toSorted(compareBootEntries);
  const [first] = after;
  if (first === undefined || own.some(({ fileName }) => fileName === first.fileName)) return [];
  const what = `${first.fileName}, which another program wrote, would start first`;
  return [{ what, hint: 'remove that entry' }];
}

function named({ fileName, entry }: OwnEntry): readonly EspEntry[] {
  const name = parseEntryName(fileName);
  return name === undefined ? [] : [{ fileName, name, entry }];
}
