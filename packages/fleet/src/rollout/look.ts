import type { ReleaseGraph } from '../release/graph.ts';
import type { Hop } from '../release/path.ts';
import { enlist } from './enlist.ts';
import { observe } from './observe.ts';
import type { Explanation, RolloutContext } from './types/decision.ts';
import type { DeviceObservation } from './types/device.ts';
import type { RolloutPolicy } from './types/policy.ts';
import type { DeviceRecord, RolloutState } from './types/state.ts';
import { noWay, WayFinder } from './way-finder.ts';

/** Everything a step is decided by. */
export interface StepInput {
  readonly policy: RolloutPolicy;
  readonly state: RolloutState;
  readonly graph: ReleaseGraph;
  /** All devices of the fleet, those included that need no update: budgets count them. */
  readonly devices: readonly DeviceObservation[];
  readonly context: RolloutContext;
}

/** One device with all that is known of it in this step. */
export interface Sight {
  readonly record: DeviceRecord;
  readonly device: DeviceObservation;
  readonly standing: Standing;
}

/** How a device counts. */
export type Standing =
  /** Could be told something now, as far as the device itself goes. */
  | { readonly kind: 'ready'; readonly hop: Hop; readonly hopsLeft: number }
  /** Downloaded, and waits for its restart. */
  | { readonly kind: 'staged' }
  /** It would be ready or is staged, but was not heard of for a while. */
  | { readonly kind: 'away' }
  | { readonly kind: 'active' | 'succeeded' | 'failed' }
  /** Left out: there is no way for it, or a person holds it. */
  | { readonly kind: 'out'; readonly why: Explanation };

/** The whole fleet, looked at once. */
export interface Look {
  readonly sights: readonly Sight[];
  /** Records of devices that are no more. */
  readonly gone: readonly DeviceRecord[];
  /** Records that are new or not what they were. */
  readonly changed: ReadonlyMap<string, DeviceRecord>;
}

/** Takes what devices show into their records, and sorts them by what can be done with them. */
export function look({ policy, state, graph, devices, context }: StepInput, nowMs: number): Look {
  const denied = [...state.deniedDigests, ...context.deniedDigests];
  const ways = new WayFinder(graph, state.target, denied, state.allowDowngrade === true);
  const changed = new Map<string, DeviceRecord>();
  const canBeUpdated = (device: DeviceObservation) =>
    device.hold === undefined && ways.of(device).kind === 'path';
  for (const record of enlist(policy, state, devices, nowMs, canBeUpdated))
    changed.set(record.device, record);
  const on = { policy, graph, rollout: state.id, target: state.target, phase: state.phase, nowMs };
  const sights: Sight[] = [];
  for (const device of devices) {
    const before = changed.get(device.id) ?? state.devices.get(device.id);
    if (before === undefined) continue;
    const record = observe(before, device, on);
    if (record !== before) changed.set(device.id, record);
    sights.push({ record, device, standing: standingOf(record, device, ways, nowMs) });
  }
  return { sights, gone: goneFrom(state, devices), changed };
}

function goneFrom(state: RolloutState, devices: readonly DeviceObservation[]): readonly DeviceRecord[] {
  const known = devices.reduce((count, { id }) => count + (state.devices.has(id) ? 1 : 0), 0);
  if (known === state.devices.size) return [];
  const isSeen = new Set(devices.map(({ id }) => id));
  return [...state.devices.values()].filter(({ device }) => !isSeen.has(device));
}

function standingOf(
  record: DeviceRecord,
  device: DeviceObservation,
  ways: WayFinder,
  nowMs: number,
): Standing {
  const { stage, sinceMs } = record;
  if (stage === 'waiting') return waiting(device, ways, nowMs);
  if (stage === 'staged') return device.online ? STAGED : AWAY;
  if (stage === 'succeeded') return SUCCEEDED;
  if (stage === 'failed') return record.forgiven === true ? { kind: 'out', why: failure(record) } : FAILED;
  if (stage === 'cancelled' || stage === 'reverted') return { kind: 'out', why: { code: stage, sinceMs } };
  return ACTIVE;
}

const STAGED: Standing = { kind: 'staged' };
const AWAY: Standing = { kind: 'away' };
const ACTIVE: Standing = { kind: 'active' };
const SUCCEEDED: Standing = { kind: 'succeeded' };
const FAILED: Standing = { kind: 'failed' };

/** Why a device counts as failed. */
export function failure({ failure: reason = 'the update failed', sinceMs }: DeviceRecord): Explanation {
  return { code: 'failed', reason, sinceMs };
}

function waiting(device: DeviceObservation, ways: WayFinder, nowMs: number): Standing {
  const path = ways.of(device);
  const why = noWay(path);
  if (path.kind !== 'path' || why !== undefined) return { kind: 'out', why: why ?? { code: 'no-digest' } };
  const { hold } = device;
  if (hold !== undefined && (hold.untilMs === undefined || hold.untilMs > nowMs))
    return { kind: 'out', why: { code: 'held', ...hold } };
  return device.online ? { kind: 'ready', hop: path.hops[0], hopsLeft: path.hops.length } : AWAY;
}
