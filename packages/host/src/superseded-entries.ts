/** Which of several entries of one deployment are of no use any more; a pure judgement. */
import { bootEntryOptions } from '@slipway/boot';
import { type DeploymentBootEntry, newestFirst } from './deployment.ts';

/**
 * The entries of deployments that have a better one.
 *
 * With the same kernel arguments the newest is the better one. Entries with other arguments are there while those are tried: the ones
 * before stay until the new ones have proved good, and the new ones go once the boot loader gave up on them.
 */
export function supersededEntries(entries: readonly DeploymentBootEntry[]): readonly DeploymentBootEntry[] {
  // What others wrote is theirs.
  const ours = entries.filter(({ sequence }) => sequence !== undefined);
  return [...Map.groupBy(ours, ({ id }) => id).values()].flatMap(supersededOf);
}

/** The kernel arguments of entries that the boot loader gave up on, where their deployment has others. */
export function spentTrials(entries: readonly DeploymentBootEntry[]): readonly DeploymentBootEntry[] {
  return supersededEntries(entries).filter(
    (spent) =>
      isSpent(spent) &&
      entries.some((other) => other.id === spent.id && optionsOf(other) !== optionsOf(spent)),
  );
}

function supersededOf(own: readonly DeploymentBootEntry[]): readonly DeploymentBootEntry[] {
  const byOptions = [...Map.groupBy(newestFirst(own), optionsOf).values()];
  const repeated = byOptions.flatMap((same) => same.slice(1));
  const [latest, ...earlier] = byOptions.flatMap((same) => same.slice(0, 1));
  if (latest === undefined || earlier.length === 0) return repeated;
  if (isSpent(latest)) {
    return earlier.some((one) => !isSpent(one)) ? [...repeated, latest, ...supersededOf(earlier)] : repeated;
  }
  if (latest.name.counter === undefined) return [...repeated, ...earlier];
  const good = earlier.find(({ name }) => name.counter === undefined);
  return [...repeated, ...earlier.filter((one) => good !== undefined && one !== good)];
}

function optionsOf({ entry }: DeploymentBootEntry): string {
  return bootEntryOptions(entry);
}

function isSpent({ name }: DeploymentBootEntry): boolean {
  return name.counter?.triesLeft === 0;
}
