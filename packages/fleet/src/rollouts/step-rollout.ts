import type { RolloutStatus } from '@slipway/fleet-api';
import { appendAudit } from '../audit/chain.ts';
import type { Queries } from '../database/database.ts';
import type { RolloutRow } from '../database/tables.ts';
import { addToTimeline } from '../devices/timeline.ts';
import { type UpdateOrder } from '../devices/update-order.ts';
import { type NewEvent, recordEvents } from '../events/event-hub.ts';
import { step } from '../rollout/step.ts';
import type { Decision, RolloutEvent, StepResult } from '../rollout/types/decision.ts';
import type { RolloutPolicy } from '../rollout/types/policy.ts';
import type { DeviceRecord } from '../rollout/types/state.ts';
import type { Services } from '../server/services.ts';
import { loadDevices } from './engine-devices.ts';
import { enginePolicy } from './engine-policy.ts';
import { loadReleases, type StreamReleases } from './engine-releases.ts';
import { deviceState, statusOf, whyOf } from './rollout-status.ts';
import { type EngineRecord, loadRecords } from './rollout-store.ts';

const BATCH = 200;

/**
 * One step of one rollout. State, records, orders of devices, events and audit are one transaction: a server that is killed at any
 * moment told a device either both here and there, or not at all, so nobody is told twice and nobody forgotten.
 */
export async function stepRollout(
  transaction: Queries,
  row: RolloutRow,
  services: Services,
  alerts: readonly string[],
  nowMs: number,
): Promise<void> {
  const { organisation, name, fleet } = row;
  const engine = JSON.parse(row.engine) as EngineRecord;
  if (engine.startAtMs !== null && engine.startAtMs > nowMs) return;
  const before = await loadRecords(transaction, organisation, name);
  const releases = await loadReleases(transaction, organisation, row.release);
  const devices = await loadDevices(transaction, organisation, fleet, services.presence, nowMs);
  const policy = enginePolicy(engine.policy);
  const result = step({
    policy,
    state: { ...engine.state, devices: before },
    graph: releases.graph,
    devices,
    context: { nowMs, firingAlerts: alerts, deniedDigests: releases.withdrawn },
  });
  await giveOrders(transaction, row, result, releases, engine, nowMs);
  await saveRecords(transaction, row, result, before);
  const whatHappened = await saveRollout(transaction, row, engine, policy, result, nowMs);
  const told = result.decisions.map(({ device, kind }) =>
    eventOf(row, 'Device', device, `${device} was told to ${kind}`),
  );
  await recordEvents(transaction, [...told, ...whatHappened], nowMs);
  for (const event of result.events) {
    await appendAudit(transaction, {
      organisation,
      atMs: nowMs,
      actor: 'system',
      address: null,
      action: `rollout.${event.kind}`,
      target: `Rollout/${name}`,
      outcome: 'done',
      detail: detailOf(event),
    });
  }
}

function eventOf({ organisation, fleet }: RolloutRow, kind: string, name: string, message: string): NewEvent {
  return { organisation, kind, name, what: 'changed', message, fleet };
}

function detailOf(event: RolloutEvent): Readonly<Record<string, string>> {
  const { kind: _, ...detail } = event;
  return detail;
}

async function giveOrders(
  transaction: Queries,
  row: RolloutRow,
  result: StepResult,
  { imageOf }: StreamReleases,
  { policy }: EngineRecord,
  nowMs: number,
): Promise<void> {
  const stableSeconds = policy.stableSeconds ?? 60;
  for (const decision of result.decisions) {
    const order = orderOf(decision, row, imageOf, stableSeconds);
    await transaction
      .updateTable('devices')
      .set((each) => ({
        update_order: order === null ? null : JSON.stringify(order),
        order_revision: each('order_revision', '+', 1),
        rollout: row.name,
        updated_ms: nowMs,
      }))
      .where('name', '=', decision.device)
      .execute();
    const message = `rollout ${row.name}: told to ${decision.kind}${order?.image == null ? '' : ` ${order.image.digest}`}`;
    const release = order?.release ?? null;
    await addToTimeline(transaction, {
      device: decision.device,
      atMs: nowMs,
      what: `told-to-${decision.kind}`,
      message,
      release,
    });
  }
}

function orderOf(
  decision: Decision,
  row: RolloutRow,
  imageOf: StreamReleases['imageOf'],
  stableSeconds: number,
): UpdateOrder | null {
  if (decision.kind === 'cancel') return null;
  const { kind, key: updateId, digest } = decision;
  return {
    updateId,
    action: kind === 'stage' ? 'download' : kind,
    release: decision.kind === 'stage' ? decision.version : decision.kind === 'apply' ? row.release : null,
    image: digest === undefined ? null : imageOf(digest),
    notBefore: null,
    deadline: null,
    downloadBytesPerSecond:
      decision.kind === 'stage' && decision.downloadBytesPerSecond !== undefined
        ? Math.floor(decision.downloadBytesPerSecond)
        : null,
    stableSeconds,
  };
}

/** Writes records that changed, and those whose explanation did. */
async function saveRecords(
  transaction: Queries,
  { organisation, name }: RolloutRow,
  result: StepResult,
  before: ReadonlyMap<string, DeviceRecord>,
): Promise<void> {
  const known = await transaction
    .selectFrom('rollout_devices')
    .select(['device', 'state', 'why'])
    .where('organisation', '=', organisation)
    .where('rollout', '=', name)
    .execute();
  const shown = new Map(known.map(({ device, state, why }) => [device, `${state} ${why ?? ''}`]));
  const rows = [...result.state.devices.values()].flatMap((record) => {
    const why = result.explanations.get(record.device);
    const state = deviceState(record, why);
    const words = whyOf(why);
    const isSame =
      before.get(record.device) === record && shown.get(record.device) === `${state} ${words ?? ''}`;
    if (isSame) return [];
    return [
      {
        organisation,
        rollout: name,
        device: record.device,
        batch: String(record.batch),
        state,
        why: words,
        engine: JSON.stringify(record),
        started_ms: record.toldMs ?? null,
        finished_ms:
          state === 'succeeded' || state === 'failed' || state === 'rolled-back' ? record.sinceMs : null,
      },
    ];
  });
  for (let at = 0; at < rows.length; at += BATCH) {
    await transaction
      .insertInto('rollout_devices')
      .values(rows.slice(at, at + BATCH))
      .onConflict((conflict) =>
        conflict.columns(['organisation', 'rollout', 'device']).doUpdateSet((each) => ({
          batch: each.ref('excluded.batch'),
          state: each.ref('excluded.state'),
          why: each.ref('excluded.why'),
          engine: each.ref('excluded.engine'),
          started_ms: each.ref('excluded.started_ms'),
          finished_ms: each.ref('excluded.finished_ms'),
        })),
      )
      .execute();
  }
  for (const { device, why, state } of rows) {
    await transaction
      .updateTable('devices')
      .set({
        why,
        rollout: name,
        ...(state === 'failed' ? { failure: why } : state === 'succeeded' ? { failure: null } : {}),
      })
      .where('name', '=', device)
      .execute();
  }
}

async function saveRollout(
  transaction: Queries,
  row: RolloutRow,
  engine: EngineRecord,
  policy: RolloutPolicy,
  result: StepResult,
  nowMs: number,
): Promise<readonly NewEvent[]> {
  const status: RolloutStatus = {
    ...statusOf(result, policy, result.state.devices, engine.approvedBy, nowMs),
    finishedAt: null,
  };
  const { devices: _, ...state } = result.state;
  const isOver = ['succeeded', 'failed', 'aborted', 'rolled-back'].includes(status.state);
  const isShownNew = status.state !== row.state || JSON.stringify(status) !== row.status;
  await transaction
    .updateTable('rollouts')
    .set((each) => ({
      state: status.state,
      status: JSON.stringify(status),
      engine: JSON.stringify({ ...engine, state }),
      finished_ms: isOver ? (row.finished_ms ?? nowMs) : null,
      ...(isShownNew ? { revision: each('revision', '+', 1), updated_ms: nowMs } : {}),
    }))
    .where('organisation', '=', row.organisation)
    .where('name', '=', row.name)
    .execute();
  await denyDigests(transaction, row, result);
  if (!isShownNew) return [];
  const words =
    status.state === row.state
      ? `${status.counts.succeeded} of ${status.counts.total} done`
      : `is ${status.state}${status.reason === null ? '' : `: ${status.reason}`}`;
  return [eventOf(row, 'Rollout', row.name, `rollout ${row.name} ${words}`)];
}

/** An image that failed on a device is not given to it again, whoever asks. */
async function denyDigests(transaction: Queries, row: RolloutRow, result: StepResult): Promise<void> {
  for (const record of result.changed) {
    if (record.stage !== 'failed' || record.toDigest === undefined) continue;
    const device = await transaction
      .selectFrom('devices')
      .select('denied')
      .where('name', '=', record.device)
      .executeTakeFirst();
    const denied = new Set(JSON.parse(device?.denied ?? '[]') as readonly string[]);
    if (denied.has(record.toDigest)) continue;
    await transaction
      .updateTable('devices')
      .set((each) => ({
        denied: JSON.stringify([...denied, record.toDigest]),
        order_revision: each('order_revision', '+', 1),
      }))
      .where('name', '=', record.device)
      .where('organisation', '=', row.organisation)
      .execute();
  }
}
