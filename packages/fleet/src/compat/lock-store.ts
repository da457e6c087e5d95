import { appendAudit } from '../audit/chain.ts';
import type { Queries } from '../database/database.ts';
import { isSqlite } from '../database/is-sqlite.ts';
import type { RebootLockRow } from '../database/tables.ts';
import { addToTimeline } from '../devices/timeline.ts';
import { recordEvents } from '../events/event-hub.ts';
import type { LockEvent, RebootLock } from './fleet-lock.ts';

/**
 * The locks of a fleet, for whoever takes or gives one. PostgreSQL holds the row of the fleet until the transaction ends, so that two
 * replicas cannot both give the last slot; SQLite has one writer anyway.
 */
export async function holdLocks(
  transaction: Queries,
  organisation: string,
  fleet: string,
): Promise<readonly RebootLockRow[]> {
  if (!isSqlite(transaction)) {
    await transaction
      .selectFrom('resources')
      .select('name')
      .where('organisation', '=', organisation)
      .where('kind', '=', 'Fleet')
      .where('name', '=', fleet)
      .forUpdate()
      .execute();
  }
  return await transaction
    .selectFrom('reboot_locks')
    .selectAll()
    .where('organisation', '=', organisation)
    .where('fleet', '=', fleet)
    .orderBy('acquired_ms')
    .execute();
}

/** Who changed locks, and whose they are. */
export interface LockChange {
  readonly organisation: string;
  readonly fleet: string;
  readonly actor: string;
  readonly address: string | null;
}

/**
 * Writes what happened to locks, with its records in the audit log, the timelines of devices, and events. What changes nothing, a
 * refusal, is not recorded: hosts that wait ask every few minutes. In the transaction that looked at the locks.
 */
export async function saveLocks(
  transaction: Queries,
  change: LockChange,
  events: readonly LockEvent[],
  before: readonly RebootLockRow[],
  after: readonly RebootLock[],
): Promise<void> {
  for (const event of events) {
    if (event.kind === 'refused') continue;
    const lock = after.find(({ id }) => id === event.id);
    if (event.kind === 'acquired' || event.kind === 'renewed') {
      if (lock !== undefined) await saveLock(transaction, change, lock);
    } else {
      await removeLock(transaction, change, event.id);
    }
    if (event.kind === 'renewed') continue;
    const owner = lock?.owner ?? before.find(({ holder }) => holder === event.id)?.owner ?? null;
    await recordChange(transaction, change, event, owner);
  }
}

async function saveLock(
  transaction: Queries,
  { organisation, fleet }: LockChange,
  { id, owner, reason, acquiredMs, expiresMs }: RebootLock,
): Promise<void> {
  await transaction
    .insertInto('reboot_locks')
    .values({
      organisation,
      fleet,
      holder: id,
      owner: owner ?? null,
      reason,
      acquired_ms: acquiredMs,
      expires_ms: expiresMs,
    })
    .onConflict((conflict) =>
      conflict.columns(['organisation', 'fleet', 'holder']).doUpdateSet({ expires_ms: expiresMs }),
    )
    .execute();
}

/** @returns what was there */
export async function removeLock(
  transaction: Queries,
  { organisation, fleet }: Pick<LockChange, 'organisation' | 'fleet'>,
  holder: string,
): Promise<RebootLockRow | undefined> {
  return await transaction
    .deleteFrom('reboot_locks')
    .where('organisation', '=', organisation)
    .where('fleet', '=', fleet)
    .where('holder', '=', holder)
    .returningAll()
    .executeTakeFirst();
}

/** A fleet that is no more has none. */
export async function forgetLocks(transaction: Queries, organisation: string, fleet: string): Promise<void> {
  await transaction
    .deleteFrom('reboot_locks')
    .where('organisation', '=', organisation)
    .where('fleet', '=', fleet)
    .execute();
}

const VERBS = { acquired: 'acquire', released: 'release', expired: 'expire' } as const;

async function recordChange(
  transaction: Queries,
  { organisation, fleet, actor, address }: LockChange,
  { kind, id, reason, atMs }: LockEvent,
  owner: string | null,
): Promise<void> {
  if (kind === 'refused' || kind === 'renewed') return;
  const message = `${owner ?? id} ${WORDS[kind]} ${fleet}: ${reason}`;
  if (owner !== null) {
    const what = `reboot-lock-${kind}`;
    await addToTimeline(transaction, { device: owner, atMs, what, message });
  }
  const what = kind === 'acquired' ? 'created' : 'deleted';
  await recordEvents(transaction, [{ organisation, kind: 'Lock', name: id, what, message, fleet }], atMs);
  await appendAudit(transaction, {
    organisation,
    atMs,
    actor: kind === 'expired' ? 'system' : actor,
    address: kind === 'expired' ? null : address,
    action: `locks.${VERBS[kind]}`,
    target: `Lock/${fleet}/${id}`,
    outcome: 'done',
    detail: { reason, ...(owner === null ? {} : { owner }) },
  });
}

const WORDS = {
  acquired: 'took a reboot lock of',
  released: 'gave back its reboot lock of',
  expired: 'lost its reboot lock of',
} as const;
