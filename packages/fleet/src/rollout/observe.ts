import type { ReleaseGraph } from '../release/graph.ts';
import { orderKey } from './orders.ts';
import type { DeviceObservation } from './types/device.ts';
import type { RolloutPolicy } from './types/policy.ts';
import type { DeviceRecord, DeviceStage, RolloutPhase } from './types/state.ts';

/** What a look at one device needs besides the device. */
export interface Observing {
  readonly policy: RolloutPolicy;
  readonly graph: ReleaseGraph;
  readonly rollout: string;
  readonly target: string;
  readonly phase: RolloutPhase;
  readonly nowMs: number;
}

type Observe = (record: DeviceRecord, device: DeviceObservation, on: Observing) => DeviceRecord;

const OBSERVE: { readonly [Stage in DeviceStage]: Observe } = {
  waiting: (record) => record,
  downloading: (record, device, on) =>
    failureOf(record, device, on) ??
    booted(record, device, on) ??
    staged(record, device, on) ??
    late(record, on),
  staged: (record, device, on) => failureOf(record, device, on) ?? booted(record, device, on) ?? record,
  applying: (record, device, on) =>
    failureOf(record, device, on) ??
    booted(record, device, on) ??
    elsewhere(record, device, on) ??
    late(record, on),
  proving: proof,
  succeeded: regression,
  failed: (record, device, on) => booted(record, device, on) ?? record,
  cancelled: (record, device, on) => booted(record, device, on) ?? record,
  reverting: reverted,
  reverted: (record) => record,
};

/**
 * Takes what a device shows into its record; the same record when nothing came of it.
 *
 * A device is believed when it says that it failed. Its success is never believed: that takes the booted digest, good health, and time,
 * measured by the clock of the server.
 */
export function observe(record: DeviceRecord, device: DeviceObservation, on: Observing): DeviceRecord {
  return OBSERVE[record.stage](record, device, on);
}

/** Whether a device runs a version, under whichever of its digests. */
export function runs(graph: ReleaseGraph, device: DeviceObservation, version: string | undefined): boolean {
  if (device.bootedDigest === undefined || version === undefined) return false;
  const place = graph.byDigest.get(device.bootedDigest);
  return place !== undefined && place === graph.byVersion.get(version);
}

function to(record: DeviceRecord, stage: DeviceStage, on: Observing): DeviceRecord {
  return { ...record, stage, sinceMs: on.nowMs };
}

function failed(record: DeviceRecord, failure: string, on: Observing): DeviceRecord {
  return { ...to(record, 'failed', on), failure };
}

/** What the device says of the order it has, or that it will not take the image any more. Old orders do not count. */
function failureOf(record: DeviceRecord, device: DeviceObservation, on: Observing): DeviceRecord | undefined {
  const { report, deniedDigests } = device;
  if (record.toDigest !== undefined && deniedDigests.includes(record.toDigest)) {
    return failed(record, 'the image failed on the device, which went back by itself', on);
  }
  if (report === undefined || report.key !== orderKey(on.rollout, record)) return undefined;
  if (report.phase !== 'failed' && report.phase !== 'rolled-back' && report.phase !== 'refused')
    return undefined;
  const said = {
    failed: 'the update failed',
    'rolled-back': 'the device went back by itself',
    refused: 'the device refused',
  };
  return failed(
    record,
    report.message === undefined ? said[report.phase] : `${said[report.phase]}: ${report.message}`,
    on,
  );
}

/** A device that runs the image healthily starts to prove itself, however it came there. */
function booted(record: DeviceRecord, device: DeviceObservation, on: Observing): DeviceRecord | undefined {
  const isDenied = record.toDigest !== undefined && device.deniedDigests.includes(record.toDigest);
  const isThere = device.online && device.health === 'healthy' && !isDenied && record.revertTold !== true;
  if (!isThere || !runs(on.graph, device, record.toVersion)) return undefined;
  const { failure: _, forgiven: __, ...rest } = record;
  return to(rest, 'proving', on);
}

function staged(record: DeviceRecord, device: DeviceObservation, on: Observing): DeviceRecord | undefined {
  const saysSo = device.report?.phase === 'staged' && device.report.key === orderKey(on.rollout, record);
  return saysSo || (device.stagedDigest !== undefined && device.stagedDigest === record.toDigest)
    ? to(record, 'staged', on)
    : undefined;
}

function late(record: DeviceRecord, on: Observing): DeviceRecord {
  const { updateTimeoutMs } = on.policy;
  if (on.nowMs - (record.toldMs ?? record.sinceMs) < updateTimeoutMs) return record;
  const what = record.stage === 'downloading' ? 'download' : 'restart into a healthy system';
  return failed(record, `it did not ${what} in time`, on);
}

/** Restarted into something nobody told it. What it ran before is fine: it may not have restarted yet. */
function elsewhere(record: DeviceRecord, device: DeviceObservation, on: Observing): DeviceRecord | undefined {
  const { bootedDigest } = device;
  if (bootedDigest === undefined || !device.online || runs(on.graph, device, record.toVersion))
    return undefined;
  const isWhereItWas = bootedDigest === record.hopFromDigest || bootedDigest === record.fromDigest;
  return isWhereItWas ? undefined : failed(record, `it booted ${bootedDigest}, which nobody told it`, on);
}

function proof(record: DeviceRecord, device: DeviceObservation, on: Observing): DeviceRecord {
  const failure = failureOf(record, device, on);
  if (failure !== undefined) return failure;
  if (device.online && device.bootedDigest !== undefined && !runs(on.graph, device, record.toVersion)) {
    return failed(record, `it left the new image again and runs ${device.bootedDigest}`, on);
  }
  // Health must be good without a break: the time starts over, the time it was told does not.
  if (device.online && device.health !== 'healthy') return to(record, 'applying', on);
  if (!device.online || on.nowMs - record.sinceMs < on.policy.stableMs) return silence(record, on);
  return to(record, record.toVersion === on.target ? 'succeeded' : 'waiting', on);
}

/** Nobody proves itself for ever. */
function silence(record: DeviceRecord, on: Observing): DeviceRecord {
  const { updateTimeoutMs, stableMs } = on.policy;
  const isOver = on.nowMs - Math.max(record.toldMs ?? 0, record.sinceMs) >= updateTimeoutMs + stableMs;
  return isOver ? failed(record, 'it was not heard of again after its restart', on) : record;
}

/** While a rollout is under way, a device that succeeded and then turns bad is a failure. Afterwards people may do what they like. */
function regression(record: DeviceRecord, device: DeviceObservation, on: Observing): DeviceRecord {
  if (on.phase === 'complete' || !device.online || device.bootedDigest === undefined) return record;
  const denied = record.toDigest !== undefined && device.deniedDigests.includes(record.toDigest);
  if (denied) return failed(record, 'the image failed after all, and the device went back by itself', on);
  if (!runs(on.graph, device, record.toVersion)) {
    return failed(record, `it left the new image again and runs ${device.bootedDigest}`, on);
  }
  return device.health === 'failing'
    ? failed(record, 'it runs the new image and became unhealthy', on)
    : record;
}

function reverted(record: DeviceRecord, device: DeviceObservation, on: Observing): DeviceRecord {
  const isBack =
    device.online &&
    device.bootedDigest !== undefined &&
    (record.fromDigest === undefined
      ? !runs(on.graph, device, record.toVersion)
      : device.bootedDigest === record.fromDigest);
  if (isBack) return to(record, 'reverted', on);
  if (on.nowMs - record.sinceMs < on.policy.updateTimeoutMs) return record;
  return failed(record, 'it did not go back in time', on);
}
