import { SlipwayError } from '@slipway/core';
import type { AgentCalls, EnrolmentAnswer, EnrolmentAsk, Labels } from '@slipway/fleet-api';
import { appendAudit } from '../audit/chain.ts';
import { type CertificateRequest, readCertificateRequest } from '../authority/certificate-request.ts';
import type { Queries } from '../database/database.ts';
import type { EnrolmentRow } from '../database/tables.ts';
import { type NewEvent, recordEvents } from '../events/event-hub.ts';
import { isKnown } from '../http/etag.ts';
import type { CallContext, Handlers } from '../http/handler.ts';
import { notFound } from '../http/problem.ts';
import { FIRST_ORGANISATION } from '../identity/credentials.ts';
import { secretHash } from '../identity/secret.ts';
import { admitDevice } from './admit.ts';
import { checkIn, desiredOf } from './check-in.ts';
import { loadDevice } from './check-in-row.ts';
import { unauthenticated } from './device-identity.ts';
import { renewCertificate } from './renew.ts';

const POLL_SECONDS = 10;
/** Hosts that wait in one lobby; more is somebody filling it up. */
const MAX_PENDING = 10_000;

export const AGENT_HANDLERS: Handlers<AgentCalls> = {
  'enrol.ask': async ({ body, context }) => {
    const request = await readCertificateRequest(body.csr);
    const row = await context.services.database.transact(
      async (transaction) => await ask(transaction, context, body, request),
    );
    context.services.hub.poke();
    return { body: answerOf(row, context) };
  },

  'enrol.poll': async ({ params, context }) => {
    const row = await context.queries
      .selectFrom('enrolments')
      .selectAll()
      .where('name', '=', params.name)
      .executeTakeFirst();
    if (row === undefined) throw notFound('enrolment', params.name);
    return { body: answerOf(row, context) };
  },

  'device.checkIn': async ({ body, context }) => ({ body: await checkIn(context, body) }),

  'device.desired': async ({ headers, context }) => {
    const waitSeconds = Math.min(
      Number(/(?:^|[,;\s])wait=(?<seconds>\d{1,3})/.exec(headers['prefer'] ?? '')?.groups?.['seconds'] ?? 0),
      300,
    );
    using waiter = context.services.waiters.register(context.device?.name ?? '');
    let { desired, tag } = await desiredOf(context, await loadDevice(context));
    if (waitSeconds > 0 && isKnown(headers, `"${tag}"`)) {
      await waiter.wait(waitSeconds * 1000, context.signal());
      ({ desired, tag } = await desiredOf(context, await loadDevice(context)));
    }
    return { body: desired, etag: `"${tag}"` };
  },

  'device.renew': async ({ body, context }) => ({ body: await renewCertificate(context, body.csr) }),
};

/**
 * The same key asks twice: it is the same request, and a decision stays as it is. Only a host that was away until its certificate ended is
 * asked about again, with the labels it had.
 */
async function ask(
  transaction: Queries,
  context: CallContext,
  body: EnrolmentAsk,
  request: CertificateRequest,
): Promise<EnrolmentRow> {
  const earlier = await findEnrolment(transaction, request.deviceName);
  const ended =
    earlier?.state === 'approved' ? await endedDevice(transaction, context, earlier.name) : undefined;
  const known = ended === undefined ? earlier : undefined;
  const token =
    body.token === undefined
      ? undefined
      : await useToken(transaction, body.token, context.nowMs, known?.state === 'approved');
  if (known !== undefined && (token === undefined || known.state === 'approved')) return known;
  const organisation = token?.organisation ?? ended?.organisation ?? body.organisation ?? FIRST_ORGANISATION;
  const labels = { ...body.labels, ...ended?.labels };
  // Who has a token waits for nobody.
  if (token === undefined) await checkLobby(transaction, organisation);
  const row: EnrolmentRow = {
    name: request.deviceName,
    organisation,
    hostname: body.hostname ?? null,
    public_key: request.fingerprint,
    csr: body.csr,
    labels: JSON.stringify(labels),
    report: body.report === undefined ? null : JSON.stringify(body.report),
    state: 'pending',
    reason: null,
    address: context.address,
    decided_by: null,
    decided_ms: null,
    certificate: null,
    revision: 1,
    created_ms: context.nowMs,
    updated_ms: context.nowMs,
  };
  await transaction
    .insertInto('enrolments')
    .values(row)
    .onConflict((conflict) => conflict.column('name').doUpdateSet(row))
    .execute();
  const events: Omit<NewEvent, 'organisation'>[] = [
    {
      kind: 'Enrolment',
      name: row.name,
      what: 'created',
      message: `${row.hostname ?? row.name} asks to be a device`,
      fleet: null,
    },
  ];
  if (token !== undefined) {
    const admission = {
      labels: { ...labels, ...token.labels },
      ...(token.fleet === null ? {} : { fleet: token.fleet }),
    };
    const announce = (event: Omit<NewEvent, 'organisation'>): void => void events.push(event);
    await admitDevice(
      { ...context, queries: transaction, announce },
      row,
      admission,
      `enrolment-token:${token.name}`,
      request,
    );
    await appendAudit(transaction, {
      organisation,
      atMs: context.nowMs,
      actor: `enrolment-token:${token.name}`,
      address: context.address,
      action: 'enrolments.approve',
      target: `Enrolment/${row.name}`,
      outcome: 'done',
      detail: { what: 'approved', fingerprint: row.public_key },
    });
  }
  await recordEvents(
    transaction,
    events.map((event) => ({ ...event, organisation })),
    context.nowMs,
  );
  return (await findEnrolment(transaction, row.name)) ?? row;
}

/** A device whose certificate ended before it was renewed: nothing it can show is good any more. */
async function endedDevice(
  queries: Queries,
  { nowMs }: CallContext,
  name: string,
): Promise<{ readonly organisation: string; readonly labels: Labels } | undefined> {
  const row = await queries
    .selectFrom('devices')
    .select(['organisation', 'labels'])
    .where('name', '=', name)
    .where('lifecycle', '=', 'enrolled')
    .where('certificate_until_ms', '<=', nowMs)
    .executeTakeFirst();
  return row === undefined
    ? undefined
    : { organisation: row.organisation, labels: JSON.parse(row.labels) as Labels };
}

async function findEnrolment(queries: Queries, name: string): Promise<EnrolmentRow | undefined> {
  return await queries.selectFrom('enrolments').selectAll().where('name', '=', name).executeTakeFirst();
}

async function checkLobby(queries: Queries, organisation: string): Promise<void> {
  const { count } = await queries
    .selectFrom('enrolments')
    .select((select) => select.fn.countAll<number>().as('count'))
    .where('organisation', '=', organisation)
    .where('state', '=', 'pending')
    .executeTakeFirstOrThrow();
  if (count < MAX_PENDING) return;
  throw new SlipwayError('FLEET_TOO_MANY_TRIES', 'cannot wait in the lobby: it is full', {
    hint: 'an administrator has to approve or reject those that wait',
  });
}

interface UsedToken {
  readonly organisation: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly fleet: string | null;
}

/** Takes one use of a token; in one statement, so that two hosts never share the last. A device that asks again uses none. */
async function useToken(
  queries: Queries,
  secret: string,
  nowMs: number,
  isFree: boolean,
): Promise<UsedToken> {
  const row = await queries
    .updateTable('enrolment_tokens')
    .set((each) => ({ uses_left: isFree ? each.ref('uses_left') : each('uses_left', '-', 1) }))
    .where('hash', '=', secretHash(secret))
    .where((each) => each.or([each('uses_left', '>', 0), each.lit(isFree)]))
    .where((each) => each.or([each('expires_ms', 'is', null), each('expires_ms', '>', nowMs)]))
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) throw unauthenticated('its enrolment token is unknown, used up or has expired');
  return {
    organisation: row.organisation,
    name: row.name,
    labels: JSON.parse(row.labels) as UsedToken['labels'],
    fleet: row.fleet,
  };
}

function answerOf(row: EnrolmentRow, { services }: CallContext): EnrolmentAnswer {
  return {
    name: row.name,
    state: row.state as EnrolmentAnswer['state'],
    reason: row.reason,
    certificate: row.certificate,
    authority: row.certificate === null ? null : services.authority.certificate,
    approveUrl: `${services.settings.publicUrl}/enrolments/${row.name}`,
    pollSeconds: POLL_SECONDS,
  };
}
