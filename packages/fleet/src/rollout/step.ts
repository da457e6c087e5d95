import { judge } from './judge.ts';
import { look, type StepInput } from './look.ts';
import { tell } from './tell.ts';
import type { StepResult } from './types/decision.ts';
import type { DeviceRecord, RolloutState } from './types/state.ts';

/**
 * One step of a rollout: looks at every device, judges how the rollout does, tells as many devices as the policy allows, and explains
 * all of them. Pure: the same input gives the same result, on every machine.
 *
 * Decisions, `state` and `changed` belong into one transaction: then nobody is told twice, whatever happens to the server. A clock that
 * goes back is taken to stand still.
 */
export function step(input: StepInput): StepResult {
  const nowMs = Math.max(input.context.nowMs, input.state.steppedMs ?? Number.NEGATIVE_INFINITY);
  const seen = look(input, nowMs);
  const verdict = judge(input, seen, nowMs);
  const telling = tell(input, seen, verdict, nowMs);
  const changed = new Map(seen.changed);
  for (const [device, record] of telling.changed) changed.set(device, record);
  const state = {
    ...verdict.state,
    recentApplies: telling.recentApplies,
    devices: withChanges(input.state.devices, changed),
  };
  const isBack = state.phase === 'rolling-back' && telling.toRevert === 0;
  const { rolledBackMs, ...going } = state;
  return {
    decisions: telling.decisions,
    state: isBack ? { ...going, rolledBackMs: rolledBackMs ?? nowMs } : going,
    changed: [...changed.values()],
    explanations: telling.explanations,
    events:
      isBack && rolledBackMs === undefined ? [...verdict.events, { kind: 'rolled-back' }] : verdict.events,
  };
}

function withChanges(
  before: RolloutState['devices'],
  changed: ReadonlyMap<string, DeviceRecord>,
): RolloutState['devices'] {
  if (changed.size === 0) return before;
  const after = new Map(before);
  for (const [device, record] of changed) after.set(device, record);
  return after;
}
