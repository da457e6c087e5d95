import { hash } from 'node:crypto';
import { isSlipwayError, SlipwayError } from '@slipway/core';
import type { AnyRoute, AuditRecord, RouteId } from '@slipway/fleet-api';
import { appendAudit } from '../audit/chain.ts';
import type { Queries } from '../database/database.ts';
import { type NewEvent, recordEvents } from '../events/event-hub.ts';
import type { CallContext, CallInput, LooseHandler, Reply } from './handler.ts';

interface Change {
  readonly id: RouteId;
  readonly route: AnyRoute;
  readonly handler: LooseHandler;
  readonly context: CallContext;
  readonly input: CallInput<never>;
}

/** What a dry run would have answered; thrown, so that its transaction is rolled back. */
class DryRun extends Error {
  readonly reply: Reply<unknown>;

  constructor(reply: Reply<unknown>) {
    super('dry run');
    this.reply = reply;
  }
}

/**
 * Makes a change: what the handler does, its record in the audit log, its events and its idempotency key are one transaction. A power
 * cut before the commit leaves nothing of it, one after it all of it.
 */
export async function changeWith(change: Change): Promise<Reply<unknown>> {
  const { context } = change;
  try {
    const reply = await context.services.database.transact(
      async (transaction) => await make(change, transaction),
    );
    context.services.hub.poke();
    return reply;
  } catch (error) {
    if (error instanceof DryRun) return error.reply;
    if (isSlipwayError(error, 'FLEET_FORBIDDEN')) await recordRefusal(change, error);
    throw error;
  }
}

async function make(change: Change, transaction: Queries): Promise<Reply<unknown>> {
  const { id, context, input, handler } = change;
  const key = context.identity.actor === '' ? undefined : keyOf(change);
  const earlier = key === undefined ? undefined : await earlierReply(change, transaction, key);
  if (earlier !== undefined) return earlier;
  const events: NewEvent[] = [];
  const audited: { target: string | null; detail: AuditRecord['detail'] } = { target: null, detail: {} };
  const reply = await handler({
    ...input,
    context: {
      ...context,
      queries: transaction,
      announce: (event: Omit<NewEvent, 'organisation'>) =>
        events.push({ ...event, organisation: context.identity.organisation }),
      audit: (target: string, detail: AuditRecord['detail'] = {}) =>
        Object.assign(audited, { target, detail }),
    },
  });
  if ((input.query as { readonly dryRun?: string } | undefined)?.dryRun === 'true') throw new DryRun(reply);
  const { identity, nowMs } = context;
  await recordEvents(transaction, events, nowMs);
  await appendAudit(transaction, {
    ...recordOf(context),
    action: id,
    target: audited.target,
    outcome: 'done',
    detail: audited.detail,
  });
  if (key !== undefined) {
    await transaction
      .insertInto('idempotency')
      .values({
        organisation: identity.organisation,
        actor: identity.actor,
        key,
        request_hash: requestHash(change),
        status: reply.status ?? change.route.status,
        body: JSON.stringify(reply.body),
        created_ms: nowMs,
      })
      .execute();
  }
  return reply;
}

const KEY_LIFE_MS = 86_400_000;

function keyOf({ route, input }: Change): string | undefined {
  if (route.headers?.includes('idempotency-key') !== true) return undefined;
  const key = input.headers['idempotency-key'];
  if (key === undefined || key === '') return undefined;
  if (key.length <= 200) return key;
  throw new SlipwayError(
    'FLEET_REQUEST_INVALID',
    'cannot use an Idempotency-Key of more than 200 characters',
  );
}

function requestHash({ id, input }: Change): string {
  return hash('sha256', JSON.stringify([id, input.params, input.body]), 'hex');
}

async function earlierReply(
  change: Change,
  transaction: Queries,
  key: string,
): Promise<Reply<unknown> | undefined> {
  const { identity, nowMs } = change.context;
  await transaction
    .deleteFrom('idempotency')
    .where('created_ms', '<', nowMs - KEY_LIFE_MS)
    .execute();
  const row = await transaction
    .selectFrom('idempotency')
    .selectAll()
    .where('organisation', '=', identity.organisation)
    .where('actor', '=', identity.actor)
    .where('key', '=', key)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  if (row.request_hash === requestHash(change))
    return { body: JSON.parse(row.body) as unknown, status: row.status };
  throw new SlipwayError(
    'FLEET_CONFLICT',
    'cannot use this Idempotency-Key: it was used for another request',
    {
      hint: 'make a new key for every new request',
    },
  );
}

/** What somebody may not do is worth knowing, too. */
async function recordRefusal({ id, context, input }: Change, error: SlipwayError): Promise<void> {
  const { name } = (input.params ?? {}) as { readonly name?: string };
  await context.services.database.transact(
    async (transaction) =>
      await appendAudit(transaction, {
        ...recordOf(context),
        action: id,
        target: name ?? null,
        outcome: 'refused',
        detail: { reason: error.message },
      }),
  );
}

function recordOf({
  identity,
  nowMs,
  address,
}: CallContext): Pick<Parameters<typeof appendAudit>[1], 'organisation' | 'atMs' | 'actor' | 'address'> {
  return { organisation: identity.organisation, atMs: nowMs, actor: identity.actor, address };
}
