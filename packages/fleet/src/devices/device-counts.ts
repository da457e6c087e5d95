import type { ConnectionState, DeviceCounts, UpdateState } from '@slipway/fleet-api';
import type { CallContext } from '../http/handler.ts';
import { connectionState, isSilent, UPDATE_STATE } from './device-state.ts';
import { areFewSilent } from './silence.ts';

type Context = Pick<CallContext, 'queries' | 'identity' | 'nowMs'>;

/** Devices counted by connection and by update state, of a fleet or of the organisation. */
export async function countDevices(context: Context, fleet?: string): Promise<DeviceCounts> {
  const counts = [...(await countByFleet(context, fleet)).values()];
  return counts.reduce(sumOf, NO_DEVICES);
}

/** The same of each fleet that has any; null: of devices in no fleet. Nothing but indexes is read for it. */
export async function countByFleet(
  context: Context,
  fleet?: string,
): Promise<ReadonlyMap<string | null, DeviceCounts>> {
  const counted = new Map<string | null, Counting>();
  for (const { fleet: of, update, count } of await countUpdates(context, fleet)) {
    const counts = counted.get(of) ?? { ...NO_DEVICES };
    counts[UPDATES[update]] += count;
    counts.total += count;
    // Until the silent are known.
    counts.online += count;
    counted.set(of, counts);
  }
  for (const { fleet: of, connection, count } of await countSilent(context, fleet)) {
    const counts = counted.get(of) ?? { ...NO_DEVICES };
    // A device may have been let in since the others were counted.
    counts.online = Math.max(0, counts.online - count);
    counts[CONNECTIONS[connection]] += count;
    counted.set(of, counts);
  }
  return counted;
}

type Counting = { -readonly [Key in keyof DeviceCounts]: number };

/** Of what has none. */
export const NO_DEVICES: DeviceCounts = {
  total: 0,
  online: 0,
  stale: 0,
  offline: 0,
  upToDate: 0,
  outOfDate: 0,
  updating: 0,
  failed: 0,
  unknown: 0,
};

const UPDATES: Readonly<Record<UpdateState, keyof DeviceCounts>> = {
  'up-to-date': 'upToDate',
  'out-of-date': 'outOfDate',
  updating: 'updating',
  failed: 'failed',
  unknown: 'unknown',
};

const CONNECTIONS: Readonly<Record<ConnectionState, keyof DeviceCounts>> = {
  online: 'online',
  stale: 'stale',
  offline: 'offline',
  never: 'offline',
};

interface Counted {
  readonly fleet: string | null;
  readonly count: number;
}

async function countUpdates(
  { queries, identity }: Context,
  fleet: string | undefined,
): Promise<readonly (Counted & { readonly update: UpdateState })[]> {
  let query = queries
    .selectFrom('devices')
    .select((select) => ['fleet', UPDATE_STATE.as('update'), select.fn.countAll<number>().as('count')])
    .where('organisation', '=', identity.organisation)
    .where('lifecycle', '=', 'enrolled')
    .groupBy(['fleet', 'update']);
  if (fleet !== undefined) query = query.where('fleet', '=', fleet);
  return await query.execute();
}

/** Those that are not online. SQLite takes the tables of a cross join in their order: the silent first, where they are few. */
async function countSilent(
  { queries, identity, nowMs }: Context,
  fleet: string | undefined,
): Promise<readonly (Counted & { readonly connection: ConnectionState })[]> {
  const joined = (await areFewSilent(queries, nowMs))
    ? queries.selectFrom('device_presence').crossJoin('devices')
    : queries.selectFrom('devices').crossJoin('device_presence');
  let query = joined
    .select((select) => [
      'fleet',
      connectionState(nowMs).as('connection'),
      select.fn.countAll<number>().as('count'),
    ])
    .whereRef('devices.name', '=', 'device_presence.device')
    .where(isSilent(nowMs))
    .where('organisation', '=', identity.organisation)
    .where('lifecycle', '=', 'enrolled')
    .groupBy(['fleet', 'connection']);
  if (fleet !== undefined) query = query.where('fleet', '=', fleet);
  return await query.execute();
}

function sumOf(one: DeviceCounts, other: DeviceCounts): DeviceCounts {
  const sum: Counting = { ...one };
  for (const key of Object.keys(sum) as (keyof DeviceCounts)[]) sum[key] += other[key];
  return sum;
}
