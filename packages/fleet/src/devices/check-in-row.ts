import type { CompiledQuery } from 'kysely';
import type { Queries } from '../database/database.ts';
import type { DeviceRow } from '../database/tables.ts';
import type { CallContext } from '../http/handler.ts';
import { unauthenticated } from './device-identity.ts';

const COLUMNS = [
  'name',
  'organisation',
  'labels',
  'spec',
  'revision',
  'lifecycle',
  'fleet',
  'report_tag',
  'phase',
  'failure',
  'booted_digest',
  'update_order',
  'order_revision',
  'denied',
  'certificate_serial',
  'previous_serial',
  'config_problem',
] as const;

/** What a check-in needs of a device: the row by its key, without the report. */
export type CheckInRow = Pick<DeviceRow, (typeof COLUMNS)[number]>;

/**
 * The device of a certificate, as it is now. A certificate that was replaced is good until the new one was used once; of a
 * decommissioned device the last is good for one thing: to learn that it is.
 */
export async function loadDevice({ queries, device }: CallContext): Promise<CheckInRow> {
  if (device === undefined) throw unauthenticated('it shows no certificate');
  const { rows } = await queries.executeQuery(queryByName(queries, device.name));
  const [row] = rows;
  const isCurrent =
    row !== undefined &&
    row.organisation === device.organisation &&
    (row.certificate_serial === device.serial || row.previous_serial === device.serial);
  if (!isCurrent) throw unauthenticated('its certificate was replaced or revoked');
  return row;
}

const queriesByName = new WeakMap<Queries, CompiledQuery<CheckInRow>>();

/** Nothing is asked more often: putting the words together anew would take longer than what is asked. */
function queryByName(queries: Queries, name: string): CompiledQuery<CheckInRow> {
  let query = queriesByName.get(queries);
  if (query === undefined) {
    query = queries.selectFrom('devices').select(COLUMNS).where('name', '=', name).compile();
    queriesByName.set(queries, query);
  }
  return { ...query, parameters: [name] };
}
