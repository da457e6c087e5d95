import type { Queries } from '../database/database.ts';
import { addToTimeline } from './timeline.ts';

/** Who withdraws the identity of a device, and why. */
export interface Decommissioning {
  readonly actor: string;
  readonly reason: string | undefined;
}

/** Withdraws the identity of a device: its certificate is good for nothing but to learn of that. */
export async function decommissionDevice(
  queries: Queries,
  name: string,
  { actor, reason }: Decommissioning,
  nowMs: number,
): Promise<void> {
  await queries
    .updateTable('devices')
    .set((row) => ({
      lifecycle: 'decommissioned',
      fleet: null,
      update_order: null,
      order_revision: row('order_revision', '+', 1),
      revision: row('revision', '+', 1),
      updated_ms: nowMs,
    }))
    .where('name', '=', name)
    .execute();
  await queries.deleteFrom('client_states').where('device', '=', name).execute();
  const message = `decommissioned by ${actor}${reason === undefined ? '' : `: ${reason}`}`;
  await addToTimeline(queries, { device: name, atMs: nowMs, what: 'decommissioned', message });
}
