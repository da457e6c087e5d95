import { roundUp } from '@slipway/core';
import type { ExtraPartition } from './request.ts';

const MIB = 1024 ** 2;
/** A file system smaller than this cannot hold its own tables. */
const LEAST_BYTES = 8 * MIB;

/** The room extra partitions need at least, on a disk of any size. */
export function leastExtraBytes(extras: readonly Pick<ExtraPartition, 'sizing'>[]): number {
  return extras.reduce((sum, { sizing }) => sum + leastOf(sizing.leastBytes), 0);
}

/**
 * How large each extra partition becomes on a disk with `roomBytes` for them and the root, which needs `rootLeastBytes` of it.
 *
 * First everybody gets its least size, then percentages are given in order, and what is left is shared equally between the
 * growing ones and the root; one that has reached its most leaves its share to the others.
 */
export function extraSizes(
  extras: readonly Pick<ExtraPartition, 'sizing'>[],
  roomBytes: number,
  rootLeastBytes: number,
  diskSizeBytes: number,
): readonly number[] {
  const sizes = extras.map(({ sizing }) => leastOf(sizing.leastBytes));
  let spareBytes = roomBytes - rootLeastBytes - sizes.reduce((sum, size) => sum + size, 0);
  for (const [index, { sizing }] of extras.entries()) {
    if (sizing.percent === undefined) continue;
    const wanted = Math.min((diskSizeBytes * sizing.percent) / 100, sizing.mostBytes);
    const more = Math.max(0, Math.min(wholeMib(wanted) - (sizes[index] ?? 0), wholeMib(spareBytes)));
    sizes[index] = (sizes[index] ?? 0) + more;
    spareBytes -= more;
  }
  let growing = [...extras.keys()].filter((index) => extras[index]?.sizing.isGrowing === true);
  while (growing.length > 0 && spareBytes >= MIB) {
    // The root is one of those who share.
    const share = wholeMib(spareBytes / (growing.length + 1));
    const room = (index: number): number =>
      wholeMib((extras[index]?.sizing.mostBytes ?? 0) - (sizes[index] ?? 0));
    const full = growing.filter((index) => room(index) <= share);
    const take = full.length > 0 ? full : growing;
    for (const index of take) {
      const more = Math.max(0, Math.min(share, room(index)));
      sizes[index] = (sizes[index] ?? 0) + more;
      spareBytes -= more;
    }
    growing = full.length > 0 ? growing.filter((index) => !full.includes(index)) : [];
  }
  return sizes;
}

function leastOf(bytes: number): number {
  return roundUp(Math.max(bytes, LEAST_BYTES), MIB);
}

function wholeMib(bytes: number): number {
  return bytes === Number.POSITIVE_INFINITY ? bytes : Math.floor(bytes / MIB) * MIB;
}
