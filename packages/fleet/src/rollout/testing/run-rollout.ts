import type { ReleaseGraph } from '../../release/graph.ts';
import { newRollout } from '../new-rollout.ts';
import { step } from '../step.ts';
import type { RolloutContext, StepResult } from '../types/decision.ts';
import type { RolloutPolicy } from '../types/policy.ts';
import type { RolloutState } from '../types/state.ts';
import type { World } from './world.ts';

/** A rollout under way in a world. */
export interface Running {
  readonly world: World;
  readonly policy: RolloutPolicy;
  readonly graph: ReleaseGraph;
  state: RolloutState;
  last: StepResult | undefined;
  /** Besides time. */
  context: Omit<RolloutContext, 'nowMs'>;
}

export function running(world: World, policy: RolloutPolicy, graph: ReleaseGraph, target: string): Running {
  return {
    world,
    policy,
    graph,
    state: newRollout({ id: 'r', target }),
    last: undefined,
    context: { firingAlerts: [], deniedDigests: [] },
  };
}

/** One step, its decisions obeyed, then a minute. */
export function tick(run: Running): StepResult {
  const { world, policy, graph, state, context } = run;
  const result = step({
    policy,
    state,
    graph,
    devices: world.observations(),
    context: { ...context, nowMs: world.nowMs },
  });
  run.state = result.state;
  run.last = result;
  world.obey(result.decisions);
  world.tick();
  return result;
}

/** Ticks until something is so, and says after how many; throws when it never is. */
export function tickUntil(run: Running, isSo: (result: StepResult) => boolean, most = 3000): number {
  for (let ticks = 1; ticks <= most; ticks += 1) if (isSo(tick(run))) return ticks;
  const codes = [...(run.last?.explanations ?? [])].map(([device, { code }]) => `${device}: ${code}`);
  throw new Error(`it never came to it; ${run.state.phase}; ${codes.slice(0, 20).join(', ')}`);
}
