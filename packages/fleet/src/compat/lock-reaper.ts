import { messageOf } from '@slipway/core';
import type { RebootLockRow } from '../database/tables.ts';
import { Periodic } from '../server/periodic.ts';
import type { Services } from '../server/services.ts';
import { type RebootLock, reapLocks } from './fleet-lock.ts';
import { holdLocks, saveLocks } from './lock-store.ts';

const EVERY_MS = 60_000;

/** A row as the protocol has it. `group` is what its client calls the fleet. */
export function rebootLockOf(row: RebootLockRow, group: string): RebootLock {
  return {
    group,
    id: row.holder,
    acquiredMs: row.acquired_ms,
    expiresMs: row.expires_ms,
    reason: row.reason,
    ...(row.owner === null ? {} : { owner: row.owner }),
  };
}

/** Takes locks away from hosts that never came back. Any number of replicas may: each lock is taken once. */
export async function reapExpiredLocks({
  database,
  clock,
  hub,
}: Pick<Services, 'database' | 'clock'> & {
  readonly hub: Pick<Services['hub'], 'poke'>;
}): Promise<void> {
  const nowMs = clock.nowMs();
  const fleets = await database.reads
    .selectFrom('reboot_locks')
    .select(['organisation', 'fleet'])
    .distinct()
    .where('expires_ms', '<=', nowMs)
    .execute();
  for (const { organisation, fleet } of fleets) {
    await database.transact(async (transaction) => {
      const rows = await holdLocks(transaction, organisation, fleet);
      const { locks, events } = reapLocks(
        rows.map((row) => rebootLockOf(row, fleet)),
        nowMs,
      );
      const change = { organisation, fleet, actor: 'system', address: null };
      await saveLocks(transaction, change, events, rows, locks);
    });
    hub.poke();
  }
}

/** Does so as long as the server runs. */
export function reapLocksInTime(services: Services): AsyncDisposable {
  return new Periodic(
    EVERY_MS,
    () => reapExpiredLocks(services),
    (error) => services.log.error('cannot take expired reboot locks away', { reason: messageOf(error) }),
  );
}
