/** Where the power is cut: at every flush, and in between with any part of what was under way. */
import type { LandedWrite } from './replayed-disk.ts';
import type { LoggedRequest } from './write-log.ts';

/** One moment at which the machine goes dark. */
export interface PowerCut {
  /** Requests that had all reached the disk. */
  readonly position: number;
  /** Of those after them, what had reached it too. */
  readonly landed: readonly LandedWrite[];
  readonly kind: 'flush' | 'prefix' | 'subset' | 'torn';
}

const SECTOR_BYTES = 512;

/** Answers with a number in [0, 1). */
export type Dice = () => number;

/** A generator of the same numbers for the same seed (mulberry32). */
export function diceOf(seed: number): Dice {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * A cut at every flush from a request on, and so many more that there are `atLeast`, spread over the writes between flushes: a disk may have
 * written any of those, in any order, and of the last one only some sectors.
 */
export function planCuts(
  requests: readonly LoggedRequest[],
  from: number,
  atLeast: number,
  dice: Dice,
): readonly PowerCut[] {
  const flushes = requests.flatMap(({ kind }, index) =>
    kind === 'flush' && index >= from ? [index + 1] : [],
  );
  const cuts: PowerCut[] = flushes.map((position) => ({ position, landed: [], kind: 'flush' }));
  const writes = requests.flatMap(({ kind }, index) => (kind === 'flush' || index < from ? [] : [index]));
  while (writes.length > 0 && cuts.length < atLeast) {
    const at = writes[Math.floor(dice() * writes.length)] ?? from;
    const since = requests.findLastIndex(({ kind }, index) => kind === 'flush' && index < at) + 1;
    cuts.push(cutAmong(requests.slice(since, at + 1), since, dice));
  }
  return cuts.toSorted((a, b) => a.position - b.position);
}

/** Each flush, or an even choice of them, for those who have not the time for all. */
export function thinned(cuts: readonly PowerCut[], atMost: number): readonly PowerCut[] {
  const step = Math.max(1, cuts.length / atMost);
  return cuts.filter((_cut, index) => Math.floor(index / step) !== Math.floor((index - 1) / step));
}

function cutAmong(pending: readonly LoggedRequest[], position: number, dice: Dice): PowerCut {
  const whole = pending.map((request) => ({ request, lengthBytes: request.lengthBytes }));
  const choice = dice();
  if (choice < 0.3) return { position, landed: whole, kind: 'prefix' };
  if (choice < 0.7) return { position, landed: whole.filter(() => dice() < 0.5), kind: 'subset' };
  const last = pending.at(-1);
  const sectors = Math.floor((dice() * (last?.lengthBytes ?? 0)) / SECTOR_BYTES);
  const torn = last === undefined ? [] : [{ request: last, lengthBytes: sectors * SECTOR_BYTES }];
  return { position, landed: [...whole.slice(0, -1), ...torn], kind: 'torn' };
}
