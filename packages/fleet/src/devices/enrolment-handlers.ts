import { SlipwayError } from '@slipway/core';
import type {
  DeviceReport,
  Enrolment,
  EnrolmentApproval,
  EnrolmentCalls,
  EnrolmentToken,
  Labels,
} from '@slipway/fleet-api';
import type { EnrolmentRow, EnrolmentTokenRow } from '../database/tables.ts';
import { afterOf, limitOf, pageOf } from '../http/cursor.ts';
import type { CallContext, Handlers } from '../http/handler.ts';
import { forbidden, notFound } from '../http/problem.ts';
import { reachesFleet } from '../identity/identity.ts';
import { newSecret, secretHash } from '../identity/secret.ts';
import { findResource, header, metadataOf } from '../resources/resource-store.ts';
import { admitDevice } from './admit.ts';

export const ENROLMENT_HANDLERS: Handlers<EnrolmentCalls> = {
  'enrolments.list': async ({ query, context }) => {
    const { queries, identity } = context;
    const after = afterOf(query);
    let select = queries
      .selectFrom('enrolments')
      .where('organisation', '=', identity.organisation)
      .where('state', '=', 'pending');
    const { count } = await select
      .select((counting) => counting.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    if (after !== undefined) select = select.where('name', '>', after);
    const rows = await select
      .selectAll()
      .orderBy('name')
      .limit(limitOf(query) + 1)
      .execute();
    return { body: pageOf(rows, query, count, ({ name }) => name, presentEnrolment) };
  },

  'enrolments.get': async ({ params, context }) => {
    const row = await findEnrolment(context, params.name);
    return { body: presentEnrolment(row), revision: row.revision };
  },

  'enrolments.approve': async ({ params, body, context }) => {
    const row = await findPending(context, params.name);
    await checkApproval(context, body);
    const labels = { ...(JSON.parse(row.labels) as Labels), ...body.labels };
    await admitDevice(
      context,
      row,
      { labels, ...(body.fleet === undefined ? {} : { fleet: body.fleet }) },
      context.identity.actor,
    );
    context.audit(`Enrolment/${row.name}`, {
      what: 'approved',
      fingerprint: row.public_key,
      fleet: body.fleet ?? null,
    });
    return { body: presentEnrolment(await findEnrolment(context, params.name)) };
  },

  'enrolments.reject': async ({ params, body, context }) => {
    const row = await findPending(context, params.name);
    await context.queries
      .updateTable('enrolments')
      .set({
        state: 'rejected',
        reason: body.reason ?? null,
        decided_by: context.identity.actor,
        decided_ms: context.nowMs,
        updated_ms: context.nowMs,
        revision: row.revision + 1,
      })
      .where('name', '=', row.name)
      .execute();
    context.audit(`Enrolment/${row.name}`, { what: 'rejected', reason: body.reason ?? null });
    context.announce({
      kind: 'Enrolment',
      name: row.name,
      what: 'changed',
      message: `${row.name} was rejected`,
      fleet: null,
    });
    return { body: presentEnrolment(await findEnrolment(context, params.name)) };
  },

  'enrolmentTokens.list': async ({ query, context }) => {
    const rows = await context.queries
      .selectFrom('enrolment_tokens')
      .selectAll()
      .where('organisation', '=', context.identity.organisation)
      .where('name', '>', afterOf(query) ?? '')
      .orderBy('name')
      .limit(limitOf(query) + 1)
      .execute();
    return { body: pageOf(rows, query, rows.length, ({ name }) => name, presentToken) };
  },

  'enrolmentTokens.create': async ({ body, context }) => {
    const { queries, identity, nowMs } = context;
    await checkApproval(context, body);
    const secret = newSecret('enrolment');
    const row: EnrolmentTokenRow = {
      organisation: identity.organisation,
      name: body.name,
      hash: secretHash(secret),
      labels: JSON.stringify(body.labels ?? {}),
      fleet: body.fleet ?? null,
      uses_left: body.uses ?? 1,
      expires_ms: body.expiresAt === undefined ? null : Date.parse(body.expiresAt),
      created_ms: nowMs,
      created_by: identity.actor,
    };
    const made = await queries
      .insertInto('enrolment_tokens')
      .values(row)
      .onConflict((conflict) => conflict.columns(['organisation', 'name']).doNothing())
      .returning('name')
      .executeTakeFirst();
    if (made === undefined) {
      throw new SlipwayError(
        'FLEET_CONFLICT',
        `cannot make the enrolment token ${body.name}: there is one of that name`,
      );
    }
    context.audit(`EnrolmentToken/${body.name}`, { what: 'created', uses: row.uses_left, fleet: row.fleet });
    return { body: { ...presentToken(row), secret } };
  },

  'enrolmentTokens.delete': async ({ params, context }) => {
    if (context.scope.kind !== 'all') throw forbidden('your role does not reach every token');
    const gone = await context.queries
      .deleteFrom('enrolment_tokens')
      .where('organisation', '=', context.identity.organisation)
      .where('name', '=', params.name)
      .returning('name')
      .execute();
    if (gone.length === 0) throw notFound('enrolment token', params.name);
    context.audit(`EnrolmentToken/${params.name}`, { what: 'deleted' });
    return { body: null };
  },
};

async function findEnrolment({ queries, identity }: CallContext, name: string): Promise<EnrolmentRow> {
  const row = await queries
    .selectFrom('enrolments')
    .selectAll()
    .where('organisation', '=', identity.organisation)
    .where('name', '=', name)
    .executeTakeFirst();
  if (row === undefined) throw notFound('enrolment', name);
  return row;
}

async function findPending(context: CallContext, name: string): Promise<EnrolmentRow> {
  const row = await findEnrolment(context, name);
  if (row.state === 'pending') return row;
  throw new SlipwayError('FLEET_CONFLICT', `cannot decide about ${name}: it was ${row.state} already`);
}

/** Who may let devices into some fleets only must say into which. */
async function checkApproval(context: CallContext, { fleet }: EnrolmentApproval): Promise<void> {
  const isReached = fleet === undefined ? context.scope.kind === 'all' : reachesFleet(context.scope, fleet);
  if (!isReached) throw forbidden('your role does not reach the fleet the device would be in');
  if (fleet === undefined) return;
  const found = await findResource(context.queries, context.identity.organisation, 'Fleet', fleet);
  if (found === undefined) throw notFound('fleet', fleet);
}

function presentEnrolment(row: EnrolmentRow): Enrolment {
  return {
    ...header('Enrolment'),
    metadata: metadataOf(row),
    spec: {
      hostname: row.hostname,
      keyFingerprint: row.public_key,
      labels: JSON.parse(row.labels) as Labels,
      report: row.report === null ? null : (JSON.parse(row.report) as DeviceReport),
    },
    status: {
      state: row.state as Enrolment['status']['state'],
      reason: row.reason,
      address: row.address,
      decidedBy: row.decided_by,
      decidedAt: row.decided_ms === null ? null : new Date(row.decided_ms).toISOString(),
    },
  };
}

function presentToken(row: EnrolmentTokenRow): EnrolmentToken {
  return {
    name: row.name,
    labels: JSON.parse(row.labels) as Labels,
    fleet: row.fleet,
    usesLeft: row.uses_left,
    expiresAt: row.expires_ms === null ? null : new Date(row.expires_ms).toISOString(),
    createdAt: new Date(row.created_ms).toISOString(),
    createdBy: row.created_by,
  };
}
