import type { DeviceReport, DeviceSpec, Labels, UpdatePhase } from '@slipway/fleet-api';
import { clientReport } from '../compat/client-state.ts';
import type { Queries } from '../database/database.ts';
import { deadlines } from '../devices/device-state.ts';
import type { Presence } from '../devices/presence.ts';
import { orderOf } from '../devices/update-order.ts';
import type { DeviceObservation, DeviceReport as EngineReport } from '../rollout/types/device.ts';

/** All devices of a fleet as the engine sees them. */
export async function loadDevices(
  queries: Queries,
  organisation: string,
  fleet: string,
  presence: Presence,
  nowMs: number,
): Promise<readonly DeviceObservation[]> {
  const rows = await queries
    .selectFrom('devices')
    .leftJoin('device_presence', 'device_presence.device', 'devices.name')
    .leftJoin('client_states', 'client_states.device', 'devices.name')
    .select([
      'name',
      'labels',
      'spec',
      'report',
      'denied',
      'devices.architecture',
      'devices.booted_digest',
      'update_order',
      'created_ms',
      'seen_ms',
      'interval_seconds',
      'client_states.architecture as client_architecture',
      'client_states.booted_digest as client_digest',
      'client_states.phase as client_phase',
      'client_states.error_code as client_error_code',
      'client_states.update_id as client_update_id',
    ])
    .where('organisation', '=', organisation)
    .where('fleet', '=', fleet)
    .where('lifecycle', '=', 'enrolled')
    .orderBy('name')
    .execute();
  return rows.map((row) => {
    const report = row.report === null ? undefined : (JSON.parse(row.report) as DeviceReport);
    const { hold } = JSON.parse(row.spec) as DeviceSpec;
    // That a newcomer was heard of another replica writes only seconds later; it was there when it was let in.
    const seenMs = Math.max(
      row.seen_ms === null || row.seen_ms === 0 ? row.created_ms : row.seen_ms,
      presence.lastSeen(row.name)?.seenMs ?? 0,
    );
    const staged = report?.image.staged?.digest;
    const client = clientOf(row);
    // Of a device that tells itself which image it runs, only how an update of others' went counts.
    const isClient = row.booted_digest === null && client !== undefined;
    const booted = row.booted_digest ?? client?.bootedDigest ?? null;
    const said = client?.report ?? (report === undefined ? undefined : reportOf(report));
    const health = healthOf(report);
    return {
      id: row.name,
      labels: JSON.parse(row.labels) as Labels,
      facts: Object.fromEntries(
        Object.entries(report?.facts ?? {}).map(([name, value]) => [name, String(value)]),
      ),
      architecture: row.architecture ?? client?.architecture ?? '',
      // A write of last seen may lag a minute behind on another replica.
      online: seenMs > 0 && nowMs - seenMs <= deadlines(row.interval_seconds).staleMs + 60_000,
      // A client that asks for updates runs: more it cannot say.
      health: isClient && health === 'unknown' ? 'healthy' : health,
      deniedDigests: JSON.parse(row.denied) as readonly string[],
      ...(booted === null ? {} : { bootedDigest: booted }),
      ...(staged === undefined ? {} : { stagedDigest: staged }),
      ...(report?.timeZone === undefined ? {} : { timeZone: report.timeZone }),
      ...(said === undefined ? {} : { report: said }),
      ...(hold === undefined
        ? {}
        : {
            hold: {
              reason: hold.reason,
              ...(hold.until === undefined ? {} : { untilMs: Date.parse(hold.until) }),
            },
          }),
    };
  });
}

interface ClientRow {
  readonly update_order: string | null;
  readonly client_architecture: string | null;
  readonly client_digest: string | null;
  readonly client_phase: string | null;
  readonly client_error_code: number | null;
  readonly client_update_id: string | null;
}

interface ClientView {
  readonly architecture: string;
  readonly bootedDigest: string | null;
  /** On the order it has now, if it said anything of that. */
  readonly report: EngineReport | undefined;
}

/** What a device said by a protocol of others. */
function clientOf(row: ClientRow): ClientView | undefined {
  if (row.client_architecture === null) return undefined;
  const key = row.client_update_id;
  const isOfNow = key !== null && key === orderOf(row.update_order)?.updateId;
  return {
    architecture: row.client_architecture,
    bootedDigest: row.client_digest,
    report: isOfNow ? clientReport(key, row.client_phase, row.client_error_code) : undefined,
  };
}

function healthOf(report: DeviceReport | undefined): DeviceObservation['health'] {
  const state = report?.health.state ?? 'unknown';
  if (state === 'unknown' || state === 'healthy') return state;
  return 'failing';
}

const PHASES: Readonly<Record<UpdatePhase, EngineReport['phase'] | undefined>> = {
  idle: undefined,
  waiting: undefined,
  downloading: 'downloading',
  downloaded: 'staged',
  staging: 'downloading',
  staged: 'staged',
  rebooting: 'restarting',
  verifying: 'restarting',
  succeeded: 'restarting',
  'rolling-back': 'restarting',
  failed: 'failed',
};

/** Whether it succeeded is not the device's to say: the engine looks at what it booted and how it does. */
function reportOf({ update }: DeviceReport): EngineReport | undefined {
  const phase = PHASES[update.phase];
  if (phase === undefined || update.updateId === null) return undefined;
  const message = update.failure?.message;
  return { key: update.updateId, phase, ...(message === undefined ? {} : { message }) };
}
