import type { Webhook, WebhookCalls, WebhookSpec } from '@slipway/fleet-api';
import type { CallContext, Handlers } from '../http/handler.ts';
import { invalid } from '../http/problem.ts';
import { resourceHandlers } from '../resources/resource-handlers.ts';
import { header } from '../resources/resource-store.ts';
import { newestEvent, webhookRow } from './webhook-store.ts';

const webhooks = resourceHandlers<'Webhook', WebhookSpec, Webhook>({
  kind: 'Webhook',
  noun: 'webhook',
  present: async ({ metadata, spec }, { queries, identity }) => {
    const row = await webhookRow(queries, identity.organisation, metadata.name);
    const time = (ms: number | null | undefined): string | null =>
      ms == null ? null : new Date(ms).toISOString();
    const status = {
      lastDeliveredAt: time(row?.delivered_ms),
      failures: row?.failures ?? 0,
      reason: row?.reason ?? null,
      nextTryAt: row !== undefined && row.failures > 0 && row.next_ms > 0 ? time(row.next_ms) : null,
    };
    return { ...header('Webhook'), metadata, spec, status };
  },
  keep: async (context, spec, name) => {
    const { secret, ...kept } = spec;
    await keepRow(context, name, secret);
    return kept;
  },
  removed: async ({ queries, identity }, { metadata }) => {
    await queries
      .deleteFrom('webhooks')
      .where('organisation', '=', identity.organisation)
      .where('name', '=', metadata.name)
      .execute();
  },
});

/** A webhook is told of what happens from now on. One that is said anew is tried at once. */
async function keepRow(
  { queries, identity }: CallContext,
  name: string,
  secret: string | undefined,
): Promise<void> {
  const { organisation } = identity;
  const before = await webhookRow(queries, organisation, name);
  if (before === undefined && secret === undefined) {
    throw invalid(`cannot make the webhook ${name} without a secret: its receiver could not tell who sends`);
  }
  const again = { failures: 0, reason: null, next_ms: 0 };
  await queries
    .insertInto('webhooks')
    .values({
      organisation,
      name,
      secret: secret ?? before?.secret ?? '',
      sequence: await newestEvent(queries),
      delivered_ms: null,
      ...again,
    })
    .onConflict((conflict) =>
      conflict
        .columns(['organisation', 'name'])
        .doUpdateSet({ ...again, ...(secret === undefined ? {} : { secret }) }),
    )
    .execute();
}

export const WEBHOOK_HANDLERS: Handlers<WebhookCalls> = {
  'webhooks.list': webhooks.list,
  'webhooks.get': webhooks.get,
  'webhooks.put': webhooks.put,
  'webhooks.delete': webhooks.delete,
};
