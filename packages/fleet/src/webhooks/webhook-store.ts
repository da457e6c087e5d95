import type { WebhookSpec } from '@slipway/fleet-api';
import type { FleetDatabase, Queries } from '../database/database.ts';
import type { EventRow, WebhookRow } from '../database/tables.ts';
import { findResource } from '../resources/resource-store.ts';

/** Longer than a delivery may take: one that a power cut ended is made again after this. */
const CLAIM_MS = 60_000;
export const MAX_EVENTS = 100;
const KINDS: readonly string[] = ['Rollout', 'Device'];

/** What is to be delivered by whom it was claimed. */
export interface ClaimedDelivery {
  readonly row: WebhookRow;
  readonly spec: WebhookSpec;
  readonly events: readonly EventRow[];
  /** Of the events up to this one nothing else concerns the webhook. */
  readonly upTo: number;
}

export async function webhookRow(
  queries: Queries,
  organisation: string,
  name: string,
): Promise<WebhookRow | undefined> {
  return await queries
    .selectFrom('webhooks')
    .selectAll()
    .where('organisation', '=', organisation)
    .where('name', '=', name)
    .executeTakeFirst();
}

export async function newestEvent(queries: Queries): Promise<number> {
  const row = await queries
    .selectFrom('chains')
    .select('sequence')
    .where('name', '=', 'events')
    .executeTakeFirst();
  return row?.sequence ?? 0;
}

/** Webhooks that were not told of everything, and whose time has come. */
export async function dueWebhooks(
  queries: Queries,
  newest: number,
  nowMs: number,
  limit: number,
): Promise<readonly WebhookRow[]> {
  return await queries
    .selectFrom('webhooks')
    .selectAll()
    .where('sequence', '<', newest)
    .where('next_ms', '<=', nowMs)
    .orderBy('next_ms')
    .limit(limit)
    .execute();
}

/** Takes a delivery for oneself; undefined when another replica was first. */
export async function claimDelivery(
  database: FleetDatabase,
  { organisation, name, next_ms }: WebhookRow,
  newest: number,
  nowMs: number,
): Promise<ClaimedDelivery | undefined> {
  return await database.transact(async (transaction) => {
    const row = await transaction
      .updateTable('webhooks')
      .set({ next_ms: nowMs + CLAIM_MS })
      .where('organisation', '=', organisation)
      .where('name', '=', name)
      .where('next_ms', '=', next_ms)
      .returningAll()
      .executeTakeFirst();
    if (row === undefined) return undefined;
    const webhook = await findResource<WebhookSpec>(transaction, organisation, 'Webhook', name);
    if (webhook === undefined) return undefined;
    const { spec } = webhook;
    if (spec.disabled === true) return { row, spec, events: [], upTo: newest };
    let select = transaction
      .selectFrom('events')
      .selectAll()
      .where('organisation', '=', organisation)
      .where('sequence', '>', row.sequence)
      .where('sequence', '<=', newest)
      .where('kind', 'in', [...(spec.kinds ?? KINDS)]);
    if (spec.fleets !== undefined) select = select.where('fleet', 'in', [...spec.fleets]);
    const events = await select.orderBy('sequence').limit(MAX_EVENTS).execute();
    const upTo = events.length === MAX_EVENTS ? (events.at(-1)?.sequence ?? newest) : newest;
    return { row, spec, events, upTo };
  });
}

/** What became of a delivery. Somebody who said the webhook anew in the meantime has it tried at once. */
export async function saveDelivery(
  database: FleetDatabase,
  { row }: ClaimedDelivery,
  outcome: Partial<Pick<WebhookRow, 'sequence' | 'failures' | 'reason' | 'delivered_ms'>>,
  nextMs: number,
): Promise<void> {
  await database.transact(async (transaction) => {
    const now = await webhookRow(transaction, row.organisation, row.name);
    await transaction
      .updateTable('webhooks')
      .set({ ...outcome, ...(now?.next_ms === row.next_ms ? { next_ms: nextMs } : {}) })
      .where('organisation', '=', row.organisation)
      .where('name', '=', row.name)
      .execute();
  });
}
