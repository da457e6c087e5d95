import type { AuditEntry } from '../audit/chain.ts';
import type { Queries } from '../database/database.ts';
import type { RolloutDeviceRow, RolloutRow } from '../database/tables.ts';
import type { Presence } from '../devices/presence.ts';
import type { UpdateOrder } from '../devices/update-order.ts';
import type { NewEvent } from '../events/event-hub.ts';
import { step } from '../rollout/step.ts';
import type { Decision, RolloutEvent, StepResult } from '../rollout/types/decision.ts';
import { enginePolicy } from './engine-policy.ts';
import { loadReleases, type StreamReleases } from './engine-releases.ts';
import { deviceState, type RolloutSummary, summaryOf, whyOf } from './rollout-status.ts';
import { type EngineRecord, type KeptDevices, loadKept } from './rollout-store.ts';
import { RolloutMemory } from './step-memory.ts';

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
  readonly rollout: Pick<RolloutRow, 'state' | 'status' | 'engine' | 'whys' | 'revision' | 'finished_ms'>;
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
  /** Names this step: no other has the same. */
  readonly step: string;
}

const OVER: ReadonlySet<string> = new Set(['succeeded', 'failed', 'aborted', 'rolled-back']);

/**
 * Decides one step of one rollout; undefined: it has not begun. Nothing is written.
 *
 * @param memory of the step before, where there was one
 */
export async function decideStep(
  queries: Queries,
  row: RolloutRow,
  { presence, alerts, nowMs, step: name }: StepContext,
  memory: RolloutMemory = new RolloutMemory(),
): Promise<StepOutcome | undefined> {
  const { organisation, fleet } = row;
  const before = JSON.parse(row.engine) as EngineRecord;
  if (before.startAtMs !== null && before.startAtMs > nowMs) return undefined;
  const kept = memory.keptAt(row) ?? (await loadKept(queries, organisation, row.name));
  const releases = await loadReleases(queries, organisation, row.release);
  const policy = enginePolicy(before.policy);
  const look = { organisation, fleet, presence, nowMs, facts: releases.asksFacts };
  const result = step({
    policy,
    state: { ...before.state, devices: kept.records },
    graph: releases.graph,
    devices: await memory.fleet.look(queries, look),
    context: { nowMs, firingAlerts: alerts, deniedDigests: releases.withdrawn },
  });
  const summary = summaryOf(result, policy, result.state.devices, before.approvedBy, nowMs);
  const engine = { ...before, step: name };
  const changed = changedRows(row, result, summary.whys, kept);
  const outcome = outcomeOf({ row, engine, changed, releases, result, summary, nowMs });
  memory.remember(outcome.rollout, keptAfter(kept, result, changed));
  return outcome;
}

interface Decided {
  readonly row: RolloutRow;
  readonly engine: EngineRecord;
  readonly changed: readonly RolloutDeviceRow[];
  readonly releases: StreamReleases;
  readonly result: StepResult;
  readonly summary: RolloutSummary;
  readonly nowMs: number;
}

function outcomeOf(decided: Decided): StepOutcome {
  const { row, engine, changed, releases, result, summary, nowMs } = decided;
  const { devices: _, ...state } = result.state;
  const status = { ...summary.status, finishedAt: null };
  const isShownNew = status.state !== row.state || JSON.stringify(status) !== row.status;
  const orders = result.decisions.map((decision) => givenOrder(decision, row, releases, engine));
  return {
    basis: { engine: row.engine, revision: row.revision },
    nowMs,
    orders,
    devices: inJson(changed),
    denied: result.changed.flatMap(({ device, stage, toDigest }) =>
      stage === 'failed' && toDigest !== undefined ? [{ device, digest: toDigest }] : [],
    ),
    rollout: {
      state: status.state,
      status: JSON.stringify(status),
      engine: JSON.stringify({ ...engine, state }),
      whys: JSON.stringify(summary.whys),
      // Whether a step somebody else decided meanwhile, from what was here before, would be wrong: also where all counts are the same.
      revision: row.revision + (isShownNew || orders.length > 0 || changed.length > 0 ? 1 : 0),
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

function keptAfter(
  { shown }: KeptDevices,
  { state: { devices } }: StepResult,
  changed: readonly RolloutDeviceRow[],
): KeptDevices {
  if (changed.length === 0) return { records: devices, shown };
  const after = new Map(shown);
  for (const { device, state, why } of changed) after.set(device, { state, why });
  return { records: devices, shown: after };
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
  { records, shown }: KeptDevices,
): readonly RolloutDeviceRow[] {
  const rows: RolloutDeviceRow[] = [];
  for (const record of devices.values()) {
    const explanation = explanations.get(record.device);
    const state = deviceState(record, explanation);
    const words = whyOf(explanation);
    const why = state === 'pending' && words === whys[record.batch] ? null : words;
    const before = shown.get(record.device);
    if (records.get(record.device) === record && before?.state === state && before.why === why) continue;
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
