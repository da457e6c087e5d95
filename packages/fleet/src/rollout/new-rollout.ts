import type { RolloutState } from './types/state.ts';

/** The state of a rollout before its first step. */
export function newRollout(of: Pick<RolloutState, 'id' | 'target' | 'allowDowngrade'>): RolloutState {
  return {
    ...of,
    phase: 'running',
    activeMs: 0,
    batches: [],
    recentApplies: [],
    deniedDigests: [],
    devices: new Map(),
  };
}
