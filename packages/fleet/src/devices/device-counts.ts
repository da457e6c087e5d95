import type { DeviceCounts } from '@slipway/fleet-api';
import type { CallContext } from '../http/handler.ts';
import { connectionState, UPDATE_STATE } from './device-state.ts';

/** Devices counted by connection and by update state, of a fleet or of the organisation. */
export async function countDevices(
  { queries, identity, nowMs }: Pick<CallContext, 'queries' | 'identity' | 'nowMs'>,
  fleet?: string,
): Promise<DeviceCounts> {
  let query = queries
    .selectFrom('devices')
    .leftJoin('device_presence', 'device_presence.device', 'devices.name')
    .select((select) => [
      select.fn.countAll<number>().as('count'),
      UPDATE_STATE.as('update'),
      connectionState(nowMs).as('connection'),
    ])
    .where('devices.organisation', '=', identity.organisation)
    .where('devices.lifecycle', '=', 'enrolled')
    .groupBy(['update', 'connection']);
  if (fleet !== undefined) query = query.where('devices.fleet', '=', fleet);
  const rows = await query.execute();
  const sum = (key: 'update' | 'connection', value: string): number =>
    rows.reduce((count, row) => count + (row[key] === value ? row.count : 0), 0);
  return {
    total: rows.reduce((count, row) => count + row.count, 0),
    online: sum('connection', 'online'),
    stale: sum('connection', 'stale'),
    offline: sum('connection', 'offline') + sum('connection', 'never'),
    upToDate: sum('update', 'up-to-date'),
    outOfDate: sum('update', 'out-of-date'),
    updating: sum('update', 'updating'),
    failed: sum('update', 'failed'),
    unknown: sum('update', 'unknown'),
  };
}
