import type { AuditEntry } from '../audit/chain.ts';
import type { Queries } from '../database/database.ts';
import type { RolloutDeviceRow, RolloutRow } from '../database/tables.ts';
import type { Presence } from '../devices/presence.ts';
import type { UpdateOrder } from '../devices/update-order.ts';
import type { NewEvent } from '../events/event-hub.ts';
import { step } from '../rollout/step.ts';
import type { Decision, RolloutEvent, StepResult } from '../rollout/types/decision.ts';
import { loadDevices } from './engine-devices.ts';
import { enginePolicy } from './engine-policy.ts';
import { loadReleases, type StreamReleases } from './engine-releases.ts';
import { deviceState, type RolloutSummary, summaryOf, whyOf } from './rollout-status.ts';
import { type EngineRecord, type KeptDevice, loadKept } from './rollout-store.ts';

/** An order that is given to a device, and what its timeline says of it. */
export interface GivenOrder {
  readonly device: string;
  readonly order: UpdateOrder | null;
  readonly what: string;
  readonly message: string;
}

/** Everything one step of a rollout writes. Plain values: it may come from another thread. */
export interface StepOutcome {
  /** The rollout as it was when the step was decided: what was decided holds for no other. */
  readonly basis: Pick<RolloutRow, 'engine' | 'revision'>;
  readonly nowMs: number;
  readonly orders: readonly GivenOrder[];
  /**
   * Rows of devices of the rollout that are new, or not what they were: JSON of some each, as many as are written at once. There may be
   * as many as the fleet has devices, and a string goes from one thread to another in no time.
   */
  readonly devices: readonly string[];
  /** Images that failed on devices. */
  readonly denied: readonly { readonly device: string; readonly digest: string }[];
  readonly rollout: Pick<RolloutRow, 'state' | 'status' | 'engine' | 'whys' | 'finished_ms'>;
  /** Whether people see a difference. */
  readonly isShownNew: boolean;
  readonly events: readonly NewEvent[];
  readonly audit: readonly AuditEntry[];
}

/** What a step is decided by besides the database. */
export interface StepContext {
  readonly presence: Pick<Presence, 'lastSeen'>;
  readonly alerts: readonly string[];
  readonly nowMs: number;
}

const OVER: ReadonlySet<string> = new Set(['succeeded', 'failed', 'aborted', 'rolled-back']);

/** Decides one step of one rollout; undefined: it has not begun. Nothing is written. */
export async function decideStep(
  queries: Queries,
  row: RolloutRow,
  { presence, alerts, nowMs }: StepContext,
): Promise<StepOutcome | undefined> {
  const { organisation, name, fleet } = row;
  const engine = JSON.parse(row.engine) as EngineRecord;
  if (engine.startAtMs !== null && engine.startAtMs > nowMs) return undefined;
  const kept = await loadKept(queries, organisation, name);
  const releases = await loadReleases(queries, organisation, row.release);
  const policy = enginePolicy(engine.policy);
  const records = new Map([...kept].map(([device, { record }]) => [device, record]));
  const result = step({
    policy,
    state: { ...engine.state, devices: records },
    graph: releases.graph,
    devices: await loadDevices(queries, { organisation, fleet, presence, nowMs, facts: releases.asksFacts }),
    context: { nowMs, firingAlerts: alerts, deniedDigests: releases.withdrawn },
  });
  const summary = summaryOf(result, policy, result.state.devices, engine.approvedBy, nowMs);
  return outcomeOf({ row, engine, kept, releases, result, summary, nowMs });
}

interface Decided {
  readonly row: RolloutRow;
  readonly engine: EngineRecord;
  readonly kept: ReadonlyMap<string, KeptDevice>;
  readonly releases: StreamReleases;
  readonly result: StepResult;
  readonly summary: RolloutSummary;
  readonly nowMs: number;
}

function outcomeOf(decided: Decided): StepOutcome {
  const { row, engine, kept, releases, result, summary, nowMs } = decided;
  const { devices: _, ...state } = result.state;
  const status = { ...summary.status, finishedAt: null };
  const isShownNew = status.state !== row.state || JSON.stringify(status) !== row.status;
  return {
    basis: { engine: row.engine, revision: row.revision },
    nowMs,
    orders: result.decisions.map((decision) => givenOrder(decision, row, releases, engine)),
    devices: inJson(changedRows(row, result, summary.whys, kept)),
    denied: result.changed.flatMap(({ device, stage, toDigest }) =>
      stage === 'failed' && toDigest !== undefined ? [{ device, digest: toDigest }] : [],
    ),
    rollout: {
      state: status.state,
      status: JSON.stringify(status),
      engine: JSON.stringify({ ...engine, state }),
      whys: JSON.stringify(summary.whys),
      finished_ms: OVER.has(status.state) ? (row.finished_ms ?? nowMs) : null,
    },
    isShownNew,
    events: [
      ...result.decisions.map(({ device, kind }) =>
        eventOf(row, 'Device', device, `${device} was told to ${kind}`),
      ),
      ...(isShownNew
        ? [eventOf(row, 'Rollout', row.name, `rollout ${row.name} ${newsOf(status, row)}`)]
        : []),
    ],
    audit: result.events.map((event) => auditOf(row, event, nowMs)),
  };
}

const ROWS_OF_JSON = 200;

function inJson(rows: readonly RolloutDeviceRow[]): readonly string[] {
  const pieces = Array.from({ length: Math.ceil(rows.length / ROWS_OF_JSON) }, (_, piece) =>
    rows.slice(piece * ROWS_OF_JSON, (piece + 1) * ROWS_OF_JSON),
  );
  return pieces.map((piece) => JSON.stringify(piece));
}

function newsOf({ state, counts, reason }: RolloutSummary['status'], row: RolloutRow): string {
  if (state === row.state) return `${counts.succeeded} of ${counts.total} done`;
  return `is ${state}${reason === null ? '' : `: ${reason}`}`;
}

function eventOf({ organisation, fleet }: RolloutRow, kind: string, name: string, message: string): NewEvent {
  return { organisation, kind, name, what: 'changed', message, fleet };
}

function auditOf({ organisation, name }: RolloutRow, event: RolloutEvent, nowMs: number): AuditEntry {
  const { kind, ...detail } = event;
  return {
    organisation,
    atMs: nowMs,
    actor: 'system',
    address: null,
    action: `rollout.${kind}`,
    target: `Rollout/${name}`,
    outcome: 'done',
    detail,
  };
}

function givenOrder(
  decision: Decision,
  row: RolloutRow,
  releases: StreamReleases,
  { policy }: EngineRecord,
): GivenOrder {
  const order = orderOf(decision, row, releases.imageOf, policy.stableSeconds ?? 60);
  const { device, kind } = decision;
  const image = order?.image == null ? '' : ` ${order.image.digest}`;
  return { device, order, what: `told-to-${kind}`, message: `rollout ${row.name}: told to ${kind}${image}` };
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

/** Records that changed, and those whose explanation did. What most of a batch waits for is no explanation of their own. */
function changedRows(
  { organisation, name }: RolloutRow,
  { state: { devices }, explanations }: StepResult,
  whys: readonly (string | null)[],
  kept: ReadonlyMap<string, KeptDevice>,
): readonly RolloutDeviceRow[] {
  const rows: RolloutDeviceRow[] = [];
  for (const record of devices.values()) {
    const explanation = explanations.get(record.device);
    const state = deviceState(record, explanation);
    const words = whyOf(explanation);
    const why = state === 'pending' && words === whys[record.batch] ? null : words;
    const before = kept.get(record.device);
    if (before?.record === record && before.state === state && before.why === why) continue;
    const isDone = state === 'succeeded' || state === 'failed' || state === 'rolled-back';
    rows.push({
      organisation,
      rollout: name,
      device: record.device,
      batch: String(record.batch),
      state,
      why,
      engine: JSON.stringify(record),
      started_ms: record.toldMs ?? null,
      finished_ms: isDone ? record.sinceMs : null,
    });
  }
  return rows;
}
