import type { DeviceReport, DeviceSpec, Labels, UpdatePhase } from '@slipway/fleet-api';
import type { Queries } from '../database/database.ts';
import { deadlines } from '../devices/device-state.ts';
import type { Presence } from '../devices/presence.ts';
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
    .select([
      'name',
      'labels',
      'spec',
      'report',
      'denied',
      'architecture',
      'booted_digest',
      'created_ms',
      'seen_ms',
      'interval_seconds',
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
    const seenMs = Math.max(row.seen_ms ?? row.created_ms, presence.lastSeen(row.name)?.seenMs ?? 0);
    const staged = report?.image.staged?.digest;
    const said = report === undefined ? undefined : reportOf(report);
    return {
      id: row.name,
      labels: JSON.parse(row.labels) as Labels,
      facts: Object.fromEntries(
        Object.entries(report?.facts ?? {}).map(([name, value]) => [name, String(value)]),
      ),
      architecture: row.architecture ?? '',
      // A write of last seen may lag a minute behind on another replica.
      online: seenMs > 0 && nowMs - seenMs <= deadlines(row.interval_seconds).staleMs + 60_000,
      health: healthOf(report),
      deniedDigests: JSON.parse(row.denied) as readonly string[],
      ...(row.booted_digest === null ? {} : { bootedDigest: row.booted_digest }),
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
