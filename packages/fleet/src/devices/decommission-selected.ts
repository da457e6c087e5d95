import { SlipwayError } from '@slipway/core';
import type { DeviceSelection, Operation } from '@slipway/fleet-api';
import { appendAudit } from '../audit/chain.ts';
import type { NewEvent } from '../events/event-hub.ts';
import type { CallContext } from '../http/handler.ts';
import { invalid } from '../http/problem.ts';
import type { OperationPart } from '../operations/operation-part.ts';
import { beginOperation } from '../operations/operation-store.ts';
import { decommissionDevice } from './decommission.ts';
import { selectDeviceNames } from './device-query.ts';

export const DECOMMISSION = 'devices.decommission';
/** Devices of one transaction: others wait for it. */
const PART = 100;

interface DecommissionWork {
  /** As they were selected: what comes to match later is not meant. */
  readonly devices: readonly string[];
  readonly reason?: string;
}

/** Begins to withdraw the identities of all devices that are selected now, within the reach of who asks. */
export async function decommissionSelected(
  context: CallContext,
  { selector, fleet, expected, reason }: DeviceSelection,
): Promise<Operation> {
  const devices = await selectDeviceNames(context, {
    ...(selector === undefined ? {} : { selector }),
    ...(fleet === undefined ? {} : { fleet }),
  });
  const count = devices.length;
  if (count === 0) throw invalid('cannot decommission devices: none is selected');
  if (expected !== undefined && expected !== count) {
    throw new SlipwayError(
      'FLEET_CONFLICT',
      `cannot decommission ${expected} devices: ${count} are selected`,
      { hint: 'look at them again, and say how many they are' },
    );
  }
  const target = [selector, fleet === undefined ? undefined : `fleet ${fleet}`].filter(Boolean).join(', ');
  const work: DecommissionWork = { devices, ...(reason === undefined ? {} : { reason }) };
  const operation = await beginOperation(context, { kind: DECOMMISSION, target, work, total: count });
  context.audit(`Operation/${operation.id}`, {
    what: DECOMMISSION,
    target,
    devices: count,
    reason: reason ?? null,
  });
  return operation;
}

/** Decommissions the next devices of the list, each with its record in the audit log; those that are already stay as they are. */
export const decommissionPart: OperationPart = async (transaction, operation, nowMs) => {
  const { organisation, actor, address, done, id } = operation;
  const { devices, reason } = JSON.parse(operation.work) as DecommissionWork;
  const names = devices.slice(done, done + PART);
  const rows = await transaction
    .selectFrom('devices')
    .select(['name', 'fleet'])
    .where('organisation', '=', organisation)
    .where('lifecycle', '=', 'enrolled')
    .where('name', 'in', names)
    .orderBy('name')
    .execute();
  const events: NewEvent[] = [];
  for (const { name, fleet } of rows) {
    await decommissionDevice(transaction, name, { actor, reason }, nowMs);
    await appendAudit(transaction, {
      organisation,
      atMs: nowMs,
      actor,
      address,
      action: DECOMMISSION,
      target: `Device/${name}`,
      outcome: 'done',
      detail: { what: 'decommissioned', reason: reason ?? null, operation: id },
    });
    const message = `device ${name} was decommissioned`;
    events.push({ organisation, kind: 'Device', name, what: 'changed', message, fleet });
  }
  return { count: names.length, events };
};
