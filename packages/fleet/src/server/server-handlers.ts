import type { FleetEvent, Overview, ServerCalls } from '@slipway/fleet-api';
import { auditRecordOf, verifyAudit } from '../audit/chain.ts';
import type { EventRow } from '../database/tables.ts';
import { countDevices } from '../devices/device-counts.ts';
import { eventOf } from '../events/event-hub.ts';
import { afterOf, limitOf, pageOf } from '../http/cursor.ts';
import type { CallContext, Handlers } from '../http/handler.ts';
import { reachesFleet } from '../identity/identity.ts';

const KEEP_ALIVE_MS = 15_000;
const BACKLOG = 1000;
/** Rows a reader may lag behind before it is told to come back. */
const MAX_QUEUE = 10_000;

export const SERVER_HANDLERS: Handlers<
  Omit<ServerCalls, 'locks.list' | 'locks.release' | 'operations.list' | 'operations.get'>
> = {
  'overview.get': async ({ context }) => ({ body: await overview(context) }),

  'events.watch': async ({ query, headers, context }) => {
    const after = Number(headers['last-event-id'] ?? query.after ?? Number.NaN);
    return { body: NOTHING, stream: follow(context, Number.isSafeInteger(after) ? after : undefined, query) };
  },

  'audit.list': async ({ query, context }) => {
    const { queries, identity } = context;
    const after = afterOf(query);
    let select = queries.selectFrom('audit').where('organisation', '=', identity.organisation);
    const { count } = await select
      .select((counting) => counting.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    if (after !== undefined) select = select.where('sequence', '<', Number(after));
    const rows = await select
      .selectAll()
      .orderBy('sequence', 'desc')
      .limit(limitOf(query) + 1)
      .execute();
    return { body: pageOf(rows, query, count, ({ sequence }) => String(sequence), auditRecordOf) };
  },

  'audit.verify': async ({ context }) => ({
    body: await verifyAudit(context.queries, context.identity.organisation),
  }),

  'metrics.get': async ({ context }) => {
    await measure(context);
    return { body: await context.services.metrics.registry.metrics() };
  },
};

const NOTHING: FleetEvent = {
  sequence: 0,
  at: '',
  kind: '',
  name: '',
  what: 'changed',
  message: '',
  fleet: null,
};

async function overview(context: CallContext): Promise<Overview> {
  const { queries, identity } = context;
  const { organisation } = identity;
  const releases = await queries
    .selectFrom('devices')
    .select((select) => [
      'release',
      select.fn.countAll<number>().as('devices'),
      select.fn.count<number>('booted_digest').as('withImage'),
    ])
    .where('organisation', '=', organisation)
    .where('lifecycle', '=', 'enrolled')
    .groupBy('release')
    .execute();
  const rollouts = await queries
    .selectFrom('rollouts')
    .select((select) => ['state', select.fn.countAll<number>().as('count')])
    .where('organisation', '=', organisation)
    .groupBy('state')
    .execute();
  const { fleets } = await queries
    .selectFrom('resources')
    .select((select) => select.fn.countAll<number>().as('fleets'))
    .where('organisation', '=', organisation)
    .where('kind', '=', 'Fleet')
    .executeTakeFirstOrThrow();
  const { enrolments } = await queries
    .selectFrom('enrolments')
    .select((select) => select.fn.countAll<number>().as('enrolments'))
    .where('organisation', '=', organisation)
    .where('state', '=', 'pending')
    .executeTakeFirstOrThrow();
  const devices = await countDevices(context);
  const inState = (...states: readonly string[]): number =>
    rollouts.reduce((sum, row) => sum + (states.includes(row.state) ? row.count : 0), 0);
  return {
    devices,
    releases: releases.map(({ release, devices: count }) => ({ release, devices: count })),
    fleets,
    activeRollouts: inState('running', 'paused', 'halted', 'rolling-back', 'awaiting-approval', 'scheduled'),
    needsYou: {
      enrolments,
      approvals: inState('awaiting-approval'),
      haltedRollouts: inState('halted'),
      failedDevices: devices.failed,
      unknownImages: releases.find(({ release }) => release === null)?.withImage ?? 0,
    },
  };
}

/** Metrics of devices are counted when they are asked for; of all organisations a system administrator asks for. */
async function measure(context: CallContext): Promise<void> {
  const { services, identity } = context;
  const counts = await countDevices(context);
  const { organisation } = identity;
  for (const state of ['online', 'stale', 'offline'] as const) {
    services.metrics.connections.set({ organisation, state }, counts[state]);
  }
  const states = {
    'up-to-date': counts.upToDate,
    'out-of-date': counts.outOfDate,
    updating: counts.updating,
    failed: counts.failed,
    unknown: counts.unknown,
  };
  for (const [state, count] of Object.entries(states))
    services.metrics.devices.set({ organisation, fleet: '', state }, count);
}

/** Events of one organisation as server-sent events: first those that were missed, then as they happen. */
async function* follow(
  context: CallContext,
  after: number | undefined,
  filter: { readonly kind?: string; readonly name?: string; readonly fleet?: string },
): AsyncGenerator<string> {
  const { services, identity, scope, queries } = context;
  const signal = context.signal();
  const queue: EventRow[] = [];
  let wake = Promise.withResolvers<void>();
  using _listening = services.hub.listen((rows) => {
    queue.push(...rows);
    wake.resolve();
  });
  const end = (): void => wake.resolve();
  signal.addEventListener('abort', end, { once: true });
  const concerns = (row: EventRow): boolean =>
    row.organisation === identity.organisation &&
    (filter.kind === undefined || row.kind === filter.kind) &&
    (filter.name === undefined || row.name === filter.name) &&
    (filter.fleet === undefined || row.fleet === filter.fleet) &&
    (scope.kind === 'all' || (row.fleet !== null && reachesFleet(scope, row.fleet)));
  yield ': hello\n\n';
  let last = after ?? -1;
  if (after !== undefined) {
    for (;;) {
      const missed = await queries
        .selectFrom('events')
        .selectAll()
        .where('sequence', '>', last)
        .orderBy('sequence')
        .limit(BACKLOG)
        .execute();
      if (missed.length === 0) break;
      last = missed.at(-1)?.sequence ?? last;
      for (const row of missed) if (concerns(row)) yield message(row);
    }
  }
  while (!signal.aborted) {
    const rows = queue.splice(0);
    for (const row of rows) {
      if (row.sequence > last && concerns(row)) yield message(row);
      last = Math.max(last, row.sequence);
    }
    if (queue.length > MAX_QUEUE) return;
    if (queue.length > 0) continue;
    wake = Promise.withResolvers();
    const timer = setTimeout(end, KEEP_ALIVE_MS);
    await wake.promise;
    clearTimeout(timer);
    if (queue.length === 0 && !signal.aborted) yield ': still here\n\n';
  }
}

function message(row: EventRow): string {
  return `id: ${row.sequence}\nevent: ${row.kind}\ndata: ${JSON.stringify(eventOf(row))}\n\n`;
}
