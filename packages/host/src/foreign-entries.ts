/**
 * Deployments another program boots: bootc's composefs backend has the same layout, and entries of its own. The boot loader prefers them
 * whatever is written beside them, so that an update would be staged, finished, and never start.
 */
import {
  BOOT_TRIES,
  compareBootEntries,
  deploymentEntry,
  isBootcEntry,
  parseEntryName,
  slipwayEntryName,
} from '@slipway/boot';
import { SlipwayError } from '@slipway/core';
import { type DeploymentBootEntry, type HostState, highestSequence } from './deployment.ts';

/**
 * Refuses to change what boots next where that would change nothing. Entries of other systems may stand first: whoever put them there
 * chooses.
 *
 * @throws SlipwayError STATE_INVALID, naming the entry
 */
export function requireOwnBoot({ entries }: Pick<HostState, 'entries'>): void {
  const foreign = entryInFront(entries);
  if (foreign === undefined) return;
  throw new SlipwayError(
    'STATE_INVALID',
    `cannot change what boots next: the entry ${foreign.fileName}, which another program wrote, would still start first`,
    {
      hint: isBootcEntry(foreign)
        ? 'update this host with bootc, or take it over: slipway adopt'
        : 'update this host with the program that wrote it',
      details: { entry: foreign.fileName },
    },
  );
}

/** Whether it is still another program's: what is here and why is not for us to know. */
export function isOthersBoot({ entries }: Pick<HostState, 'entries'>): boolean {
  return entryInFront(entries) !== undefined;
}

/** The entry the boot loader would prefer to any new one of ours; undefined where there is none. */
export function entryInFront(entries: readonly DeploymentBootEntry[]): DeploymentBootEntry | undefined {
  const name = parseEntryName(slipwayEntryName(highestSequence(entries) + 1, BOOT_TRIES));
  if (name === undefined) throw new Error('internal error: the name of an entry does not parse');
  const entry = deploymentEntry({ title: 'next', kernelDirectory: '/next', options: 'next' });
  return entries.find((one) => one.sequence === undefined && compareBootEntries(one, { name, entry }) < 0);
}
