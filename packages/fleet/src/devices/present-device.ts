import type {
  ConnectionState,
  Device,
  DeviceReport,
  DeviceSpec,
  DeviceStatus,
  ImageRef,
  UpdatePhase,
} from '@slipway/fleet-api';
import { header, metadataOf } from '../resources/resource-store.ts';
import type { Services } from '../server/services.ts';
import type { DeviceListRow } from './device-query.ts';
import { deadlines } from './device-state.ts';
import { standingHold } from './hold.ts';
import { orderOf } from './update-order.ts';

/** A device as it is answered. */
export function presentDevice(row: DeviceListRow, services: Services, nowMs: number): Device {
  const report = row.report === null ? null : (JSON.parse(row.report) as DeviceReport);
  const spec = JSON.parse(row.spec) as DeviceSpec;
  const connection = connectionOf(row, services, nowMs);
  return {
    ...header('Device'),
    metadata: metadataOf(row),
    spec,
    status: {
      lifecycle: row.lifecycle === 'decommissioned' ? 'decommissioned' : 'enrolled',
      connection,
      fleet: row.fleet,
      update: updateOf(row, spec, connection, nowMs),
      certificate:
        row.certificate_serial === null || row.certificate_until_ms === null
          ? null
          : { serial: row.certificate_serial, notAfter: new Date(row.certificate_until_ms).toISOString() },
      report,
    },
  };
}

type Connection = DeviceStatus['connection'];

/** What the database says, put right by what this process saw since. */
function connectionOf(row: DeviceListRow, { presence }: Services, nowMs: number): Connection {
  const written = { seenMs: row.seen_ms ?? 0, address: row.address, intervalSeconds: row.interval_seconds };
  const here = presence.lastSeen(row.name);
  const { seenMs, address, intervalSeconds } =
    here !== undefined && here.seenMs >= written.seenMs ? here : written;
  if (seenMs === 0)
    return { state: 'never', lastSeenAt: null, address: null, reason: 'it has not checked in yet' };
  const ageMs = nowMs - seenMs;
  const { staleMs, offlineMs } = deadlines(intervalSeconds);
  const state: ConnectionState = ageMs > offlineMs ? 'offline' : ageMs > staleMs ? 'stale' : 'online';
  const reason = state === 'online' ? null : `it has said nothing for ${lengthOf(ageMs)}`;
  return { state, lastSeenAt: new Date(seenMs).toISOString(), address, reason };
}

function lengthOf(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 120) return `${minutes} minutes`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} hours` : `${Math.floor(hours / 24)} days`;
}

function updateOf(
  row: DeviceListRow,
  spec: DeviceSpec,
  connection: Connection,
  nowMs: number,
): DeviceStatus['update'] {
  const order = orderOf(row.update_order);
  return {
    state: row.update_state,
    phase: row.phase as UpdatePhase,
    release: row.release,
    desiredRelease: row.desired_release,
    desired: order?.image ?? (null as ImageRef | null),
    rollout: row.rollout,
    whyNotUpToDate: row.update_state === 'up-to-date' ? null : whyNotBoth(row, spec, connection, nowMs),
    denied: JSON.parse(row.denied) as readonly string[],
  };
}

/** A configuration that cannot be followed is told beside whatever else there is. */
function whyNotBoth(row: DeviceListRow, spec: DeviceSpec, connection: Connection, nowMs: number): string {
  const why = whyNot(row, spec, connection, nowMs);
  return row.config_problem === null || why === row.config_problem ? why : `${why}; ${row.config_problem}`;
}

/** The one answer: the reason nearest to the device comes first. */
function whyNot(row: DeviceListRow, spec: DeviceSpec, connection: Connection, nowMs: number): string {
  const { state, reason } = connection;
  if (row.lifecycle === 'decommissioned') return 'it is decommissioned';
  if (row.fleet_problem !== null) return row.fleet_problem;
  const hold = standingHold(spec.hold, nowMs);
  if (hold !== undefined) {
    return `it is held${hold.until === undefined ? '' : ` until ${hold.until}`}: ${hold.reason}`;
  }
  if (row.report === null) {
    // A client of others tells by what it asks for; the rollout knows more than that it has no agent.
    const known = state === 'never' ? null : (row.failure ?? row.why);
    return known ?? reason ?? 'it has not told anything about itself yet';
  }
  if (row.update_state === 'updating') {
    return `it is at it (${row.phase})${state === 'online' ? '' : `, but ${reason ?? 'gone'}`}`;
  }
  const isAtRelease = row.desired_release === null || row.desired_release === row.release;
  if (isAtRelease && row.config_problem !== null) return row.config_problem;
  if (row.failure !== null) return row.failure;
  if (state !== 'online') return reason ?? 'it is not online';
  if (row.why !== null) return row.why;
  if (row.release === null && row.booted_digest !== null) {
    return `it runs ${row.booted_digest}, which is part of no release`;
  }
  if (row.release === null) return 'it runs something that is not an image';
  return `no rollout to ${row.desired_release ?? 'another release'} has reached it yet`;
}
