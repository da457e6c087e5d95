import type { DeviceReport, DeviceSpec, Labels, UpdatePhase } from '@slipway/fleet-api';
import { type RawBuilder, sql } from 'kysely';
import { clientReport } from '../compat/client-state.ts';
import type { Queries } from '../database/database.ts';
import { orderOf } from '../devices/update-order.ts';
import type { DeviceObservation, DeviceReport as EngineReport } from '../rollout/types/device.ts';

/** Of a row, so that another number is another device to the engine: each of the three only grows. */
export const VERSION: RawBuilder<number> = sql<number>`(devices.revision + devices.order_revision + devices.report_revision)`;

/** A fleet, and which of its devices: those of these names, or all between two. */
export interface EngineRowsOptions {
  readonly organisation: string;
  readonly fleet: string;
  /** Facts are most of what devices say, and only risks of releases ask for them. */
  readonly facts: boolean;
  readonly which: readonly string[] | { readonly first: string; readonly last: string };
}

/** What the engine asks of rows of devices. */
export async function loadEngineRows(
  queries: Queries,
  { organisation, fleet, facts, which }: EngineRowsOptions,
): Promise<readonly EngineRow[]> {
  // Besides facts only words about failures stand nowhere but in the report.
  const report = facts
    ? sql<string | null>`devices.report`
    : sql<string | null>`case when devices.phase = 'failed' then devices.report end`;
  const select = queries
    .selectFrom('devices')
    .leftJoin('client_states', 'client_states.device', 'devices.name')
    .select([
      'name',
      'labels',
      'spec',
      'denied',
      'devices.architecture',
      'devices.booted_digest',
      'staged_digest',
      'time_zone',
      'health',
      'devices.phase',
      'devices.update_id',
      'update_order',
      'created_ms',
      'client_states.architecture as client_architecture',
      'client_states.booted_digest as client_digest',
      'client_states.phase as client_phase',
      'client_states.error_code as client_error_code',
      'client_states.update_id as client_update_id',
    ])
    .select([report.as('report'), VERSION.as('version')])
    .where('organisation', '=', organisation)
    .where('fleet', '=', fleet)
    .where('lifecycle', '=', 'enrolled');
  const chosen =
    'first' in which
      ? select.where('name', '>=', which.first).where('name', '<=', which.last)
      : select.where('name', 'in', which);
  return await chosen.execute();
}

export interface EngineRow extends ClientRow {
  readonly name: string;
  readonly labels: string;
  readonly spec: string;
  readonly denied: string;
  readonly architecture: string | null;
  readonly booted_digest: string | null;
  readonly staged_digest: string | null;
  readonly time_zone: string | null;
  readonly health: string | null;
  readonly phase: string;
  readonly update_id: string | null;
  readonly created_ms: number;
  readonly report: string | null;
  readonly version: number;
}

const NOTHING: Labels = {};
const NONE: readonly string[] = [];

/** A device as the engine sees it, taken to be online: whether it is stands elsewhere. */
export function observationOf(row: EngineRow): DeviceObservation {
  // Most devices are neither held nor deny anything.
  const hold = row.spec === '{}' ? undefined : (JSON.parse(row.spec) as DeviceSpec).hold;
  const report = row.report === null ? undefined : (JSON.parse(row.report) as DeviceReport);
  const client = clientOf(row);
  // Of a device that tells itself which image it runs, only how an update of others' went counts.
  const isClient = row.booted_digest === null && client !== undefined;
  const booted = row.booted_digest ?? client?.bootedDigest ?? null;
  const said = client?.report ?? reportOf(row, report);
  const health = healthOf(row.health);
  return {
    id: row.name,
    labels: JSON.parse(row.labels) as Labels,
    facts: factsOf(report),
    architecture: row.architecture ?? client?.architecture ?? '',
    online: true,
    // A client that asks for updates runs: more it cannot say.
    health: isClient && health === 'unknown' ? 'healthy' : health,
    deniedDigests: row.denied === '[]' ? NONE : (JSON.parse(row.denied) as readonly string[]),
    ...(booted === null ? {} : { bootedDigest: booted }),
    ...(row.staged_digest === null ? {} : { stagedDigest: row.staged_digest }),
    ...(row.time_zone === null ? {} : { timeZone: row.time_zone }),
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
}

function factsOf(report: DeviceReport | undefined): Labels {
  if (report === undefined) return NOTHING;
  return Object.fromEntries(Object.entries(report.facts).map(([name, value]) => [name, String(value)]));
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

function healthOf(state: string | null): DeviceObservation['health'] {
  if (state === null || state === 'unknown') return 'unknown';
  return state === 'healthy' ? state : 'failing';
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
function reportOf(
  { phase: said, update_id: key }: Pick<EngineRow, 'phase' | 'update_id'>,
  report: DeviceReport | undefined,
): EngineReport | undefined {
  const phase = PHASES[said as UpdatePhase];
  if (phase === undefined || key === null) return undefined;
  const message = report?.update.failure?.message;
  return { key, phase, ...(message === undefined ? {} : { message }) };
}
