import { setImmediate as nextTurn } from 'node:timers/promises';
import { appendAudit } from '../audit/chain.ts';
import type { Queries } from '../database/database.ts';
import type { RolloutDeviceRow, RolloutRow } from '../database/tables.ts';
import { recordEvents } from '../events/event-hub.ts';
import type { GivenOrder, StepOutcome } from './decide-step.ts';
import { holdRollout } from './rollout-store.ts';

const BATCH = 200;
/** What is written in one piece, before whoever asks something is answered. */
const BREATH_MS = 20;

/**
 * Writes what a step decided, unless the rollout is another by now: then the next step decides anew.
 *
 * State, records, orders of devices, events and audit are one transaction: a server that is killed at any moment told a device either
 * both here and there, or not at all, so nobody is told twice and nobody forgotten. A step of another replica, or a command of a person,
 * changes what the rollout's row says of the engine, or its revision, so what was decided in the meantime is for naught.
 *
 * @returns whether it was written
 */
export async function writeStep(
  transaction: Queries,
  { organisation, name }: Pick<RolloutRow, 'organisation' | 'name'>,
  outcome: StepOutcome,
): Promise<boolean> {
  const row = await holdRollout(transaction, organisation, name, 'skip');
  const isSame =
    row !== undefined &&
    row.state !== 'superseded' &&
    row.engine === outcome.basis.engine &&
    row.revision === outcome.basis.revision;
  if (!isSame) return false;
  const breath = new Breath();
  for (const batch of inBatches(outcome.orders)) {
    await giveOrders(transaction, row, batch, outcome.nowMs);
    await breath.taken();
  }
  for (const json of outcome.devices) {
    await saveDevices(transaction, JSON.parse(json) as readonly RolloutDeviceRow[]);
    await breath.taken();
  }
  await denyDigests(transaction, row, outcome);
  await transaction
    .updateTable('rollouts')
    .set({
      ...outcome.rollout,
      ...(outcome.rollout.revision === row.revision ? {} : { updated_ms: outcome.nowMs }),
    })
    .where('organisation', '=', organisation)
    .where('name', '=', name)
    .execute();
  await recordEvents(transaction, outcome.events, outcome.nowMs);
  for (const entry of outcome.audit) await appendAudit(transaction, entry);
  return true;
}

/** SQLite writes where it is asked to: without a pause nothing else would be answered before the last row is written. */
class Breath {
  #untilMs = performance.now() + BREATH_MS;

  async taken(): Promise<void> {
    if (performance.now() < this.#untilMs) return;
    await nextTurn();
    this.#untilMs = performance.now() + BREATH_MS;
  }
}

function* inBatches<Item>(items: readonly Item[]): Generator<readonly Item[]> {
  for (let at = 0; at < items.length; at += BATCH) yield items.slice(at, at + BATCH);
}

async function giveOrders(
  transaction: Queries,
  { name }: RolloutRow,
  orders: readonly GivenOrder[],
  nowMs: number,
): Promise<void> {
  for (const { device, order } of orders) {
    await transaction
      .updateTable('devices')
      .set((each) => ({
        update_order: order === null ? null : JSON.stringify(order),
        order_revision: each('order_revision', '+', 1),
        rollout: name,
        updated_ms: nowMs,
      }))
      .where('name', '=', device)
      .execute();
  }
  const happened = orders.map(({ device, order, what, message }) => ({
    device,
    at_ms: nowMs,
    what,
    message,
    release: order?.release ?? null,
  }));
  await transaction.insertInto('timeline').values(happened).execute();
}

async function saveDevices(transaction: Queries, rows: readonly RolloutDeviceRow[]): Promise<void> {
  await transaction
    .insertInto('rollout_devices')
    .values(rows)
    .onConflict((conflict) =>
      conflict.columns(['organisation', 'rollout', 'device']).doUpdateSet((each) => ({
        batch: each.ref('excluded.batch'),
        state: each.ref('excluded.state'),
        why: each.ref('excluded.why'),
        engine: each.ref('excluded.engine'),
        started_ms: each.ref('excluded.started_ms'),
        finished_ms: each.ref('excluded.finished_ms'),
      })),
    )
    .execute();
  for (const { device, why, state } of rows) {
    if (state === 'failed')
      await transaction.updateTable('devices').set({ failure: why }).where('name', '=', device).execute();
  }
  const succeeded = rows.filter(({ state }) => state === 'succeeded').map(({ device }) => device);
  if (succeeded.length === 0) return;
  await transaction
    .updateTable('devices')
    .set({ failure: null })
    .where('name', 'in', succeeded)
    .where('failure', 'is not', null)
    .execute();
}

/** An image that failed on a device is not given to it again, whoever asks. */
async function denyDigests(
  transaction: Queries,
  { organisation }: RolloutRow,
  { denied }: StepOutcome,
): Promise<void> {
  for (const { device, digest } of denied) {
    const row = await transaction
      .selectFrom('devices')
      .select('denied')
      .where('name', '=', device)
      .executeTakeFirst();
    const before = new Set(JSON.parse(row?.denied ?? '[]') as readonly string[]);
    if (before.has(digest)) continue;
    await transaction
      .updateTable('devices')
      .set((each) => ({
        denied: JSON.stringify([...before, digest]),
        order_revision: each('order_revision', '+', 1),
      }))
      .where('name', '=', device)
      .where('organisation', '=', organisation)
      .execute();
  }
}
