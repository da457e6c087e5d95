import { EVERYTHING, matches } from '../selector/selector.ts';
import { amountOf } from './amount.ts';
import { byRank } from './device-order.ts';
import type { DeviceObservation } from './types/device.ts';
import type { RolloutPolicy } from './types/policy.ts';
import type { DeviceRecord, RolloutState } from './types/state.ts';

/**
 * Gives every device without a record one, and with it a batch.
 *
 * At the first step each batch takes of the devices that match, can be updated and are heard of; which of them is as good as drawn. All
 * others, and whoever comes later, go into the last batch: a device that cannot be updated proves nothing as a canary.
 *
 * @param canBeUpdated whether there is a way from what the device runs to the target
 */
export function enlist(
  policy: RolloutPolicy,
  state: RolloutState,
  devices: readonly DeviceObservation[],
  nowMs: number,
  canBeUpdated: (device: DeviceObservation) => boolean,
): readonly DeviceRecord[] {
  const unknown = devices.filter(({ id }) => !state.devices.has(id));
  if (unknown.length === 0) return [];
  const rest = policy.batches.length;
  const batches =
    state.startedMs === undefined
      ? chooseBatches(policy, state.id, unknown, canBeUpdated)
      : new Map<string, number>();
  return unknown.map(({ id }) => ({
    device: id,
    batch: batches.get(id) ?? rest,
    stage: 'waiting',
    attempt: 0,
    sinceMs: nowMs,
  }));
}

function chooseBatches(
  policy: RolloutPolicy,
  rollout: string,
  devices: readonly DeviceObservation[],
  canBeUpdated: (device: DeviceObservation) => boolean,
): ReadonlyMap<string, number> {
  const chosen = new Map<string, number>();
  if (policy.batches.length === 0) return chosen;
  const ranked = byRank(
    rollout,
    devices.filter(canBeUpdated).map((device) => ({ device: device.id, observed: device })),
  );
  const ordered = [
    ...ranked.filter(({ observed }) => observed.online),
    ...ranked.filter(({ observed }) => !observed.online),
  ];
  for (const [index, { selector = EVERYTHING, limit = {} }] of policy.batches.entries()) {
    const matching = ordered.filter(({ observed }) => matches(selector, observed.labels));
    let left = amountOf(limit, matching.length, Math.ceil) ?? Number.POSITIVE_INFINITY;
    for (const { device } of matching) {
      if (left <= 0) break;
      if (chosen.has(device)) continue;
      chosen.set(device, index);
      left -= 1;
    }
  }
  return chosen;
}
