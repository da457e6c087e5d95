import { messageOf } from '@slipway/core';
import type { WebhookRow } from '../database/tables.ts';
import { eventOf } from '../events/event-hub.ts';
import { postTo } from '../outbound/outbound-request.ts';
import { DueJobs } from '../server/due-jobs.ts';
import type { Services } from '../server/services.ts';
import { signatureHeaders } from './sign-delivery.ts';
import {
  type ClaimedDelivery,
  claimDelivery,
  dueWebhooks,
  newestEvent,
  saveDelivery,
} from './webhook-store.ts';

const TIMEOUT_MS = 10_000;
const FIRST_RETRY_MS = 5000;
const LAST_RETRY_MS = 3_600_000;
const MAX_REASON_LENGTH = 300;

/**
 * Tells webhooks of events, in their order, each at least once: what was delivered is written down after the answer, and a power cut in
 * between delivers it again under the same id. A receiver that fails is tried again later and later, up to an hour apart. Any number of
 * replicas may.
 */
export function tellWebhooks(services: Services): AsyncDisposable {
  const { database, clock, ending, log } = services;
  return new DueJobs({
    due: async (limit) => {
      const newest = await newestEvent(database.reads);
      const rows = await dueWebhooks(database.reads, newest, clock.nowMs(), limit);
      return rows.map((row) => async () => await deliver(services, row, newest));
    },
    ending,
    log,
    complaint: 'cannot tell webhooks of events',
  });
}

async function deliver(services: Services, due: WebhookRow, newest: number): Promise<void> {
  const { database, clock, ending } = services;
  const claimed = await claimDelivery(database, due, newest, clock.nowMs());
  if (claimed === undefined) return;
  const { row, events, upTo } = claimed;
  if (events.length === 0) {
    await saveDelivery(database, claimed, { sequence: upTo }, 0);
    return;
  }
  const reason = await post(services, claimed);
  // A delivery the end of the server cut short says nothing about its receiver: another makes it again.
  if (reason !== undefined && ending.aborted) return;
  const nowMs = clock.nowMs();
  if (reason === undefined) {
    const delivered = { sequence: upTo, failures: 0, reason: null, delivered_ms: nowMs };
    await saveDelivery(database, claimed, delivered, 0);
    return;
  }
  const waitMs = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(row.failures, 20));
  await saveDelivery(database, claimed, { failures: row.failures + 1, reason }, nowMs + waitMs);
}

/** Why it failed; undefined: it did not. */
async function post(
  { clock, outbound, ending }: Services,
  { row, spec, events }: ClaimedDelivery,
): Promise<string | undefined> {
  const { organisation, name, secret } = row;
  const body = JSON.stringify({ webhook: name, organisation, events: events.map(eventOf) });
  const id = `${organisation}.${name}.${events[0]?.sequence ?? 0}-${events.at(-1)?.sequence ?? 0}`;
  try {
    const status = await postTo(await outbound.resolve(spec.url), body, {
      headers: {
        'content-type': 'application/json',
        'user-agent': 'slipway-fleet',
        ...signatureHeaders(secret, id, clock.nowMs(), body),
      },
      caCertificate: spec.caCertificate,
      signal: AbortSignal.any([ending, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    return status >= 200 && status < 300 ? undefined : `the receiver answered with ${status}`;
  } catch (error) {
    return messageOf(error).slice(0, MAX_REASON_LENGTH);
  }
}
