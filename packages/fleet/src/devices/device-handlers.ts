import { SlipwayError } from '@slipway/core';
import type { DeviceCalls, DeviceSpec, Labels } from '@slipway/fleet-api';
import { afterOf, limitOf, pageOf } from '../http/cursor.ts';
import { checkPrecondition } from '../http/etag.ts';
import type { CallContext, Handlers } from '../http/handler.ts';
import { forbidden, invalid, notFound } from '../http/problem.ts';
import { reachesDevice } from '../identity/identity.ts';
import { decommissionDevice } from './decommission.ts';
import { decommissionSelected } from './decommission-selected.ts';
import { type DeviceListRow, queryDevice, queryDevices } from './device-query.ts';
import { saveLabels } from './labels.ts';
import { findMembership } from './membership.ts';
import { presentDevice } from './present-device.ts';

/** A device who asks may see. */
async function findDevice(context: CallContext, name: string): Promise<DeviceListRow> {
  const row = await queryDevice(context, name);
  const isReached =
    row !== undefined && reachesDevice(context.scope, row.fleet, JSON.parse(row.labels) as Labels);
  if (!isReached) throw notFound('device', name);
  return row;
}

export const DEVICE_HANDLERS: Handlers<DeviceCalls> = {
  'devices.list': async ({ query, context }) => {
    const { rows, total } = await queryDevices(context, query);
    const present = (row: DeviceListRow): ReturnType<typeof presentDevice> =>
      presentDevice(row, context.services, context.nowMs);
    return { body: pageOf(rows, query, total, ({ name }) => name, present) };
  },

  'devices.get': async ({ params, context }) => {
    const row = await findDevice(context, params.name);
    return { body: presentDevice(row, context.services, context.nowMs) };
  },

  'devices.put': async ({ params, body, headers, context }) => {
    const { name } = params;
    if (body.metadata.name !== name)
      throw invalid(`cannot put device ${body.metadata.name} under the name ${name}`);
    const before = await findDevice(context, name);
    checkPrecondition(headers, before.revision, `the device ${name}`);
    await change(context, before, body.spec, body.metadata.labels ?? (JSON.parse(before.labels) as Labels));
    context.audit(`Device/${name}`, { what: 'changed' });
    const after = await queryDevice(context, name);
    if (after === undefined) throw notFound('device', name);
    context.announce({
      kind: 'Device',
      name,
      what: 'changed',
      message: `device ${name} was changed`,
      fleet: after.fleet,
    });
    return { body: presentDevice(after, context.services, context.nowMs), revision: after.revision };
  },

  'devices.decommission': async ({ params, body, context }) => {
    const { name } = params;
    const before = await findDevice(context, name);
    if (before.lifecycle === 'decommissioned') {
      throw new SlipwayError('FLEET_CONFLICT', `cannot decommission ${name}: it is already`);
    }
    const by = { actor: context.identity.actor, reason: body.reason };
    await decommissionDevice(context.queries, name, by, context.nowMs);
    context.audit(`Device/${name}`, { what: 'decommissioned', reason: body.reason ?? null });
    context.announce({
      kind: 'Device',
      name,
      what: 'changed',
      message: `device ${name} was decommissioned`,
      fleet: before.fleet,
    });
    const after = await queryDevice(context, name);
    if (after === undefined) throw notFound('device', name);
    return { body: presentDevice(after, context.services, context.nowMs), revision: after.revision };
  },

  'devices.decommissionSelected': async ({ body, context }) => ({
    body: await decommissionSelected(context, body),
  }),

  'devices.timeline': async ({ params, query, context }) => {
    await findDevice(context, params.name);
    const after = afterOf(query);
    let select = context.queries.selectFrom('timeline').selectAll().where('device', '=', params.name);
    if (after !== undefined) select = select.where('id', '<', Number(after));
    const rows = await select
      .orderBy('id', 'desc')
      .limit(limitOf(query) + 1)
      .execute();
    const { count } = await context.queries
      .selectFrom('timeline')
      .select((count_) => count_.fn.countAll<number>().as('count'))
      .where('device', '=', params.name)
      .executeTakeFirstOrThrow();
    return {
      body: pageOf(
        rows,
        query,
        count,
        ({ id }) => String(id),
        ({ at_ms, what, message, release }) => ({
          at: new Date(at_ms).toISOString(),
          what,
          message,
          release,
        }),
      ),
    };
  },
};

/** Labels may move a device to another fleet, which must be within reach, too. */
async function change(
  context: CallContext,
  before: DeviceListRow,
  spec: DeviceSpec,
  labels: Labels,
): Promise<void> {
  const { queries, identity, scope, nowMs } = context;
  const membership = await findMembership(queries, identity.organisation, spec, labels);
  if (!reachesDevice(scope, membership.fleet, labels)) {
    throw forbidden('the change would put the device beyond the reach of your role');
  }
  await saveLabels(queries, before.name, labels);
  await queries
    .updateTable('devices')
    .set((row) => ({
      ...membership,
      spec: JSON.stringify(spec),
      labels: JSON.stringify(labels),
      revision: row('revision', '+', 1),
      updated_ms: nowMs,
    }))
    .where('name', '=', before.name)
    .execute();
}
