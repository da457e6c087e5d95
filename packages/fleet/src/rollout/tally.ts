import type { Look } from './look.ts';
import type { RolloutState } from './types/state.ts';

/** Devices of one batch, counted by how they stand. */
export interface BatchTally {
  readonly ready: number;
  readonly staged: number;
  readonly away: number;
  readonly active: number;
  readonly succeeded: number;
  readonly failed: number;
}

/** Everybody who takes part: not those who are left out. */
export function sizeOf({ ready, staged, away, active, succeeded, failed }: BatchTally): number {
  return ready + staged + away + active + succeeded + failed;
}

/** Counts the devices of each batch. */
export function tally(look: Look, state: Pick<RolloutState, 'batches'>): readonly BatchTally[] {
  const counts = state.batches.map(() => ({
    ready: 0,
    staged: 0,
    away: 0,
    active: 0,
    succeeded: 0,
    failed: 0,
  }));
  for (const { record, standing } of look.sights) {
    const batch = counts[record.batch];
    if (batch !== undefined && standing.kind !== 'out') batch[standing.kind] += 1;
  }
  return counts;
}
