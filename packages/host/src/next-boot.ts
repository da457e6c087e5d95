/** Making another deployment the next to boot, by adding or removing one entry. */
import { BOOT_TRIES, slipwayEntryName } from '@slipway/boot';
import { type DeploymentBootEntry, highestSequence } from './deployment.ts';

/** How the boot order is changed: each is one file that appears or goes, so there is no state in between. */
export type NextBootChange =
  | { readonly kind: 'none' }
  | { readonly kind: 'remove'; readonly fileNames: readonly string[] }
  | { readonly kind: 'add'; readonly fileName: string; readonly from: DeploymentBootEntry }
  /** The deployment has no entry to start from. */
  | { readonly kind: 'impossible' };

/**
 * Decides how to make a deployment the first in boot order.
 *
 * Where everything in front of it is a second entry of a deployment that has another one (an earlier change of mind), those go.
 * Else it gets another entry with the next sequence number; its own older one stays until the boot, so that this can be taken
 * back the same way.
 *
 * @param entries in boot order
 * @param knownGood whether the deployment runs right now: its new entry is then not counted if the old one was not
 */
export function planNextBoot(
  entries: readonly DeploymentBootEntry[],
  targetId: string,
  knownGood: boolean,
): NextBootChange {
  const first = entries.findIndex(({ id }) => id === targetId);
  const own = entries[first];
  if (own === undefined) return { kind: 'impossible' };
  if (first === 0) return { kind: 'none' };
  const inFront = entries.slice(0, first);
  const rest = entries.slice(first);
  const usable = own.name.counter?.triesLeft !== 0;
  if (usable && inFront.every(({ id }) => rest.some((entry) => entry.id === id))) {
    // From the back: until the last of them is gone, what is first stays first.
    return { kind: 'remove', fileNames: inFront.map(({ fileName }) => fileName).toReversed() };
  }
  const isBlessed = knownGood && own.name.counter === undefined;
  const fileName = slipwayEntryName(highestSequence(entries) + 1, isBlessed ? 'good' : BOOT_TRIES);
  return { kind: 'add', fileName, from: own };
}
