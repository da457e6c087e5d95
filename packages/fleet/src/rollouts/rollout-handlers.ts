import type {
  FleetSpec,
  PolicySpec,
  ReleaseSpec,
  Rollout,
  RolloutCalls,
  RolloutDevice,
  RolloutPlan,
  RolloutSpec,
} from '@slipway/fleet-api';
import type { RolloutDeviceRow, RolloutRow } from '../database/tables.ts';
import { afterOf, limitOf, pageOf } from '../http/cursor.ts';
import type { CallContext, Handlers } from '../http/handler.ts';
import { forbidden, invalid, notFound } from '../http/problem.ts';
import { reachesFleet } from '../identity/identity.ts';
import { findResource, saveResource } from '../resources/resource-store.ts';
import { checkPolicy } from '../rollout/check-policy.ts';
import { control, type RolloutCommand } from '../rollout/control.ts';
import { enginePolicy } from './engine-policy.ts';
import { policyOf, releaseFleet } from './release-fleet.ts';
import {
  type EngineRecord,
  findRollout,
  holdRollout,
  loadKept,
  presentRollout,
  whyOfRow,
  whysOf,
} from './rollout-store.ts';

const ENDED = ['succeeded', 'failed', 'aborted', 'rolled-back', 'superseded'];

export const ROLLOUT_HANDLERS: Handlers<RolloutCalls> = {
  'rollouts.list': async ({ query, context }) => {
    const { queries, identity, scope } = context;
    let select = queries.selectFrom('rollouts').selectAll().where('organisation', '=', identity.organisation);
    if (query.fleet !== undefined) select = select.where('fleet', '=', query.fleet);
    if (query.active === 'true') select = select.where('state', 'not in', ENDED);
    if (query.active === 'false') select = select.where('state', 'in', ENDED);
    if (query.search !== undefined)
      select = select.where('name', 'like', `%${query.search.replace(/[\\%_]/g, '')}%`);
    const rows = await select.orderBy('created_ms', 'desc').orderBy('name').execute();
    const visible = rows.filter(({ fleet }) => reachesFleet(scope, fleet));
    const at = Number(afterOf(query) ?? 0);
    const shown = visible
      .slice(at, at + limitOf(query) + 1)
      .map((row, index) => ({ row, at: at + index + 1 }));
    return {
      body: pageOf(
        shown,
        query,
        visible.length,
        (each) => String(each.at),
        ({ row }) => presentRollout(row),
      ),
    };
  },

  'rollouts.get': async ({ params, context }) => {
    const row = await reachedRollout(context, params.name);
    return { body: presentRollout(row), revision: row.revision };
  },

  'rollouts.create': async ({ body, context }) => {
    const row = await create(context, body.spec, body.metadata.name);
    context.audit(`Rollout/${row.name}`, { what: 'created', fleet: row.fleet, release: row.release });
    context.announce({
      kind: 'Rollout',
      name: row.name,
      what: 'created',
      message: `rollout ${row.name} begins`,
      fleet: row.fleet,
    });
    return { body: presentRollout(row), revision: row.revision };
  },

  'rollouts.plan': async ({ body, context }) => ({ body: await plan(context, body) }),

  'rollouts.devices': async ({ params, query, context }) => {
    const rollout = await reachedRollout(context, params.name);
    const after = afterOf(query);
    let select = context.queries
      .selectFrom('rollout_devices')
      .where('organisation', '=', rollout.organisation)
      .where('rollout', '=', rollout.name);
    const { count } = await select
      .select((counting) => counting.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    if (after !== undefined) select = select.where('device', '>', after);
    const rows = await select
      .selectAll()
      .orderBy('device')
      .limit(limitOf(query) + 1)
      .execute();
    const names = [
      ...((JSON.parse(rollout.engine) as EngineRecord).policy.batches ?? []).map(({ name }) => name),
      'rest',
    ];
    return {
      body: pageOf(
        rows,
        query,
        count,
        ({ device }) => device,
        (row) => presentDevice(row, names, whysOf(rollout)),
      ),
    };
  },

  'rollouts.approve': async ({ params, body, context }) => ({
    body: await approve(context, params.name, body.reason),
  }),
  'rollouts.pause': async ({ params, body, context }) => ({
    body: await command(context, params.name, { kind: 'pause' }, body.reason),
  }),
  'rollouts.resume': async ({ params, body, context }) => ({
    body: await command(context, params.name, { kind: 'resume' }, body.reason),
  }),
  'rollouts.abort': async ({ params, body, context }) => ({
    body: await command(context, params.name, { kind: 'abort' }, body.reason),
  }),
  'rollouts.rollback': async ({ params, body, context }) => {
    const reason = body.reason ?? `rolled back by ${context.identity.actor}`;
    const row = await command(context, params.name, { kind: 'rollback', reason }, reason);
    await backToPrevious(context, params.name);
    return { body: row };
  },
};

async function reachedRollout({ queries, identity, scope }: CallContext, name: string): Promise<RolloutRow> {
  const row = await findRollout(queries, identity.organisation, name);
  if (row === undefined || !reachesFleet(scope, row.fleet)) throw notFound('rollout', name);
  return row;
}

/** A rollout is the fleet wanting another release: both are one change. */
async function create(context: CallContext, spec: RolloutSpec, name: string): Promise<RolloutRow> {
  const { queries, identity, scope } = context;
  const fleet = await findResource<FleetSpec>(queries, identity.organisation, 'Fleet', spec.fleet);
  if (fleet === undefined) throw notFound('fleet', spec.fleet);
  if (!reachesFleet(scope, spec.fleet)) throw forbidden(`your role does not reach the fleet ${spec.fleet}`);
  await findRelease(context, spec.release);
  return await releaseFleet(context, fleet, { ...spec, name });
}

async function findRelease({ queries, identity }: CallContext, release: string): Promise<void> {
  const found = await findResource<ReleaseSpec>(queries, identity.organisation, 'Release', release);
  if (found === undefined)
    throw invalid(`cannot roll out the release ${release}: there is none of that name`);
  if (found.spec.withdrawn !== undefined) {
    throw invalid(`cannot roll out the release ${release}: it was withdrawn: ${found.spec.withdrawn.reason}`);
  }
}

async function plan(context: CallContext, spec: RolloutSpec): Promise<RolloutPlan> {
  const { queries, identity, scope, services, nowMs } = context;
  const fleet = await findResource<FleetSpec>(queries, identity.organisation, 'Fleet', spec.fleet);
  if (fleet === undefined || !reachesFleet(scope, spec.fleet)) throw notFound('fleet', spec.fleet);
  await findRelease(context, spec.release);
  const policy: PolicySpec = spec.policy ?? (await policyOf(queries, identity.organisation, fleet.spec));
  checkPolicy(enginePolicy(policy));
  const { organisation } = identity;
  return await services.rollouts.do({ kind: 'plan', organisation, spec, policy, nowMs });
}

/** Carries a command out on the state; devices hear of it from the next step. */
async function command(
  context: CallContext,
  name: string,
  what: RolloutCommand,
  reason: string | undefined,
  approvedBy?: string,
): Promise<Rollout> {
  const { queries, identity, nowMs } = context;
  await reachedRollout(context, name);
  const row = await holdRollout(queries, identity.organisation, name, 'wait');
  if (row === undefined) throw notFound('rollout', name);
  if (row.state === 'superseded')
    throw invalid(`cannot ${what.kind} the rollout ${name}: a later one took its place`);
  const engine = JSON.parse(row.engine) as EngineRecord;
  const { records: devices } = await loadKept(queries, identity.organisation, name);
  const { devices: after, ...state } = control({ ...engine.state, devices }, what, nowMs);
  for (const [device, record] of after) {
    if (devices.get(device) === record) continue;
    await queries
      .updateTable('rollout_devices')
      .set({ engine: JSON.stringify(record) })
      .where('organisation', '=', identity.organisation)
      .where('rollout', '=', name)
      .where('device', '=', device)
      .execute();
  }
  const shown = what.kind === 'approve' || state.phase === 'running' ? row.state : state.phase;
  const changed = {
    state:
      shown === 'complete'
        ? 'succeeded'
        : state.phase === 'running' && what.kind === 'resume'
          ? 'running'
          : shown,
    engine: JSON.stringify({ ...engine, state, ...(approvedBy === undefined ? {} : { approvedBy }) }),
    revision: row.revision + 1,
    updated_ms: nowMs,
  };
  await queries
    .updateTable('rollouts')
    .set(changed)
    .where('organisation', '=', identity.organisation)
    .where('name', '=', name)
    .execute();
  context.audit(`Rollout/${name}`, { what: what.kind, reason: reason ?? null });
  const message = `rollout ${name}: ${what.kind} by ${identity.actor}${reason === undefined ? '' : `: ${reason}`}`;
  context.announce({ kind: 'Rollout', name, what: 'changed', message, fleet: row.fleet });
  return presentRollout({ ...row, ...changed });
}

/** Lets the batch begin that waits for it: the first that has no approval yet and is not over. */
async function approve(context: CallContext, name: string, reason: string | undefined): Promise<Rollout> {
  const row = await reachedRollout(context, name);
  const { state, policy } = JSON.parse(row.engine) as EngineRecord;
  const all = [...(policy.batches ?? []).map((batch) => batch.name), 'rest'];
  const open = all.filter((batch) => {
    const record = state.batches.find((each) => each.name === batch);
    return record?.approvedMs === undefined && record?.finishedMs === undefined;
  });
  const batch = open[0];
  if (batch === undefined) throw invalid(`cannot approve the rollout ${name}: nothing of it waits for that`);
  return await command(context, name, { kind: 'approve', batch }, reason, context.identity.actor);
}

/** After a rollback the fleet wants what it wanted before. */
async function backToPrevious({ queries, identity, nowMs }: CallContext, name: string): Promise<void> {
  const { organisation } = identity;
  const row = await queries
    .selectFrom('rollouts')
    .selectAll()
    .where('organisation', '=', organisation)
    .where('name', '=', name)
    .executeTakeFirstOrThrow();
  const { previousRelease } = JSON.parse(row.engine) as EngineRecord;
  const fleet = await findResource<FleetSpec>(queries, organisation, 'Fleet', row.fleet);
  if (fleet === undefined || fleet.spec.release !== row.release) return;
  const { release: _, ...rest } = fleet.spec;
  const spec: FleetSpec = previousRelease === null ? rest : { ...rest, release: previousRelease };
  const metadata = { name: row.fleet, labels: fleet.metadata.labels };
  await saveResource(
    queries,
    organisation,
    { apiVersion: 'slipway/v1', kind: 'Fleet', metadata, spec },
    nowMs,
  );
  await queries
    .updateTable('devices')
    .set({ desired_release: previousRelease })
    .where('organisation', '=', organisation)
    .where('fleet', '=', row.fleet)
    .execute();
}

function presentDevice(
  row: RolloutDeviceRow,
  batches: readonly string[],
  whys: readonly (string | null)[],
): RolloutDevice {
  const time = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
  return {
    device: row.device,
    batch: batches[Number(row.batch)] ?? 'rest',
    state: row.state as RolloutDevice['state'],
    why: whyOfRow(row, whys),
    startedAt: time(row.started_ms),
    finishedAt: time(row.finished_ms),
  };
}
