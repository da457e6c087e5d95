import type { Labels } from '@slipway/fleet-api';
import type { Queries } from '../database/database.ts';

/** The labels of a device, to be selected by. */
export async function saveLabels(queries: Queries, device: string, labels: Labels): Promise<void> {
  await queries.deleteFrom('device_labels').where('device', '=', device).execute();
  const rows = Object.entries(labels).map(([label, value]) => ({ device, label, value }));
  if (rows.length > 0) await queries.insertInto('device_labels').values(rows).execute();
}
