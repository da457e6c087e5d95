import { createHash } from 'node:crypto';
import { SlipwayError } from '@slipway/core';
import type { Change, ContentGroup } from './content-group.ts';

/** A layer to write. */
export interface PlannedLayer {
  /** Says the same of the next version of the image: `rarely-07`, `package:glibc`. */
  readonly name: string;
  /** Sorted by name. */
  readonly groups: readonly ContentGroup[];
}

/** Where the groups of an earlier version of the image are: names of layers by names of groups. */
export type EarlierPlaces = ReadonlyMap<string, string>;

/** The fewest and the most layers that can be asked for. The upper bound is what overlay mounts stack. */
export const LAYER_COUNT_BOUNDS: { readonly lowest: number; readonly highest: number } = {
  lowest: 5,
  highest: 500,
};
/** Below this a layer of its own costs more than it saves. */
const OWN_LAYER_BYTES = 512 * 1024;
/** Where small groups that every build writes anew are together. */
const GENERATED = 'generated';
const BIN_CHANGES: readonly Change[] = ['rarely', 'sometimes'];

/**
 * Decides which groups are a layer together. Where a group goes depends on its own name and size alone as far as it can, so that
 * two versions of an image agree without knowing of each other: the largest groups have a layer of their own, the others
 * are spread by a hash of their names over a number of layers that is fixed by `maxLayers`. With an earlier version at hand, what
 * it has stays where it is there.
 *
 * What changes rarely comes first: container engines unpack again what is above a layer that changed.
 *
 * @param maxLayers of all layers; one is left for the directories
 * @throws SlipwayError USAGE when `maxLayers` is out of bounds
 */
export function planLayers(
  groups: readonly ContentGroup[],
  maxLayers: number,
  earlier: EarlierPlaces = new Map(),
): readonly PlannedLayer[] {
  const { lowest, highest } = LAYER_COUNT_BOUNDS;
  if (!(maxLayers >= lowest && maxLayers <= highest)) {
    throw new SlipwayError('USAGE', `cannot make ${maxLayers} layers: give ${lowest} to ${highest}`);
  }
  const bins = binCounts(maxLayers);
  const ownLimit = maxLayers - 2 - bins.rarely - bins.sometimes;
  const own = ownLayers(groups, ownLimit, earlier);
  const layers = new Map<string, ContentGroup[]>();
  for (const group of groups) {
    const name = own.has(group.name) ? group.name : sharedLayer(group, bins, earlier);
    const members = layers.get(name);
    if (members === undefined) layers.set(name, [group]);
    else members.push(group);
  }
  return [...layers]
    .map(([name, members]) => ({ name, groups: members }))
    .sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
}

interface BinCounts {
  readonly rarely: number;
  readonly sometimes: number;
}

function binCounts(maxLayers: number): BinCounts {
  const shared = Math.max(2, Math.floor(maxLayers * 0.5));
  const sometimes = Math.max(1, Math.floor(shared / 3));
  return { rarely: shared - sometimes, sometimes };
}

/** Groups with a layer of their own: those that have one already, then the largest. */
function ownLayers(
  groups: readonly ContentGroup[],
  limit: number,
  earlier: EarlierPlaces,
): ReadonlySet<string> {
  const hadOne = (group: ContentGroup): boolean => earlier.get(group.name) === group.name;
  const isFree = (group: ContentGroup): boolean => {
    const place = earlier.get(group.name);
    return place === undefined || place === group.name;
  };
  return new Set(
    groups
      .filter((group) => isFree(group) && (hadOne(group) || group.sizeBytes >= OWN_LAYER_BYTES))
      .toSorted(
        (a, b) =>
          Number(hadOne(b)) - Number(hadOne(a)) || b.sizeBytes - a.sizeBytes || (a.name < b.name ? -1 : 1),
      )
      .slice(0, limit)
      .map((group) => group.name),
  );
}

/** The layer a group shares: where it was, if there still is such a layer, else the one its name says. */
function sharedLayer(group: ContentGroup, bins: BinCounts, earlier: EarlierPlaces): string {
  if (group.change === 'always') return GENERATED;
  const before = earlier.get(group.name);
  if (before !== undefined && isBin(before, bins)) return before;
  return binName(group.change, hashOf(group.name) % bins[group.change]);
}

function binName(change: Change, index: number): string {
  return `${change}-${String(index + 1).padStart(2, '0')}`;
}

function isBin(name: string, bins: BinCounts): boolean {
  const match = /^(?<change>rarely|sometimes)-(?<number>\d{2,3})$/.exec(name)?.groups;
  const count = match?.['change'] === 'rarely' ? bins.rarely : bins.sometimes;
  const number = Number(match?.['number']);
  return number >= 1 && number <= count;
}

function hashOf(name: string): number {
  return createHash('sha256').update(name, 'latin1').digest().readUInt32BE(0);
}

/** Shared layers of one kind stand before layers of their own that change as often. */
function rank({ name, groups }: PlannedLayer): number {
  const change = groups.some((group) => group.change === 'always')
    ? 2
    : Math.max(...groups.map((group) => BIN_CHANGES.indexOf(group.change)));
  return change * 2 + (groups[0]?.name === name ? 1 : 0);
}
