import type { Queries } from '../database/database.ts';
import { revokeSshCertificates } from '../ssh/ssh-revocations.ts';
import { addToTimeline } from './timeline.ts';

/** Who withdraws the identity of a device, and why. */
export interface Decommissioning {
  readonly actor: string;
  readonly reason: string | undefined;
}

/**
 * Withdraws the identity of a device: its certificate is good for nothing but to learn of that, and that of its ssh server is on the
 * list of those that are revoked.
 */
export async function decommissionDevice(
  queries: Queries,
  name: string,
  { actor, reason }: Decommissioning,
  nowMs: number,
): Promise<void> {
  const { organisation } = await queries
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
    .returning('organisation')
    .executeTakeFirstOrThrow();
  await revokeSshCertificates(queries, { organisation, kind: 'host', holder: name }, nowMs);
  await queries.deleteFrom('client_states').where('device', '=', name).execute();
  const message = `decommissioned by ${actor}${reason === undefined ? '' : `: ${reason}`}`;
  await addToTimeline(queries, { device: name, atMs: nowMs, what: 'decommissioned', message });
}
