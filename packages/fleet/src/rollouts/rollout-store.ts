import { SlipwayError } from '@slipway/core';
import type { PolicySpec, Rollout, RolloutSpec, RolloutState, RolloutStatus } from '@slipway/fleet-api';
import type { Queries } from '../database/database.ts';
import { isSqlite } from '../database/is-sqlite.ts';
import type { RolloutDeviceRow, RolloutRow } from '../database/tables.ts';
import { header, metadataOf } from '../resources/resource-store.ts';
import { newRollout } from '../rollout/new-rollout.ts';
import type { DeviceRecord, RolloutState as EngineState } from '../rollout/types/state.ts';

/** What is kept of a rollout besides what everybody sees. Devices stand in rows of their own. */
export interface EngineRecord {
  readonly state: Omit<EngineState, 'devices'>;
  /** The policy as it was when the rollout began: changing it later changes no rollout under way. */
  readonly policy: PolicySpec;
  /** What a rollback makes the fleet want again: the last release before this one that was not given up. */
  readonly previousRelease: string | null;
  readonly startAtMs: number | null;
  readonly approvedBy: string | null;
  /** Names the last step, so that no two leave the same record. */
  readonly step?: string;
}

/** States of a rollout whose release was not kept. */
const GIVEN_UP: readonly string[] = ['halted', 'rolling-back', 'failed', 'aborted', 'rolled-back'];
const NO_COUNTS = { total: 0, pending: 0, updating: 0, succeeded: 0, failed: 0, rolledBack: 0, skipped: 0 };

/** Begins a rollout; the one before it on the same fleet is over. In the transaction that changes the fleet. */
export async function beginRollout(
  queries: Queries,
  organisation: string,
  begin: Omit<EngineRecord, 'state' | 'approvedBy' | 'step'> & {
    readonly fleet: string;
    readonly release: string;
    readonly name?: string;
  },
  nowMs: number,
): Promise<RolloutRow> {
  const { fleet, release } = begin;
  const previousRelease = await keptRelease(queries, organisation, begin);
  await queries
    .updateTable('rollouts')
    .set({ state: 'superseded', finished_ms: nowMs, updated_ms: nowMs })
    .where('organisation', '=', organisation)
    .where('fleet', '=', fleet)
    .where('state', '!=', 'superseded')
    .execute();
  const name = begin.name ?? (await nextName(queries, organisation, fleet));
  const { devices: _, ...state } = newRollout({ id: name, target: release, allowDowngrade: true });
  const engine: EngineRecord = {
    state,
    policy: begin.policy,
    previousRelease,
    startAtMs: begin.startAtMs,
    approvedBy: null,
  };
  const spec: RolloutSpec = {
    fleet,
    release,
    policy: begin.policy,
    ...(begin.startAtMs === null ? {} : { startAt: new Date(begin.startAtMs).toISOString() }),
  };
  const status: RolloutStatus = {
    state: 'scheduled',
    reason: 'it has not begun yet',
    counts: NO_COUNTS,
    batches: [],
    startedAt: null,
    finishedAt: null,
    estimatedEndAt: null,
    approvedBy: null,
  };
  const row: RolloutRow = {
    organisation,
    name,
    fleet,
    release,
    labels: '{}',
    spec: JSON.stringify(spec),
    state: 'scheduled',
    status: JSON.stringify(status),
    engine: JSON.stringify(engine),
    whys: '[]',
    revision: 1,
    created_ms: nowMs,
    updated_ms: nowMs,
    finished_ms: null,
  };
  const made = await queries
    .insertInto('rollouts')
    .values(row)
    .onConflict((conflict) => conflict.columns(['organisation', 'name']).doNothing())
    .returning('name')
    .executeTakeFirst();
  if (made === undefined)
    throw new SlipwayError('FLEET_CONFLICT', `cannot begin the rollout ${name}: there is one of that name`);
  return row;
}

/** The rollout that is over now may have been on its way to a release that failed, which nobody wants back. */
async function keptRelease(
  queries: Queries,
  organisation: string,
  { fleet, previousRelease }: Pick<EngineRecord, 'previousRelease'> & { readonly fleet: string },
): Promise<string | null> {
  const before = await queries
    .selectFrom('rollouts')
    .select(['release', 'state', 'engine'])
    .where('organisation', '=', organisation)
    .where('fleet', '=', fleet)
    .where('state', '!=', 'superseded')
    .executeTakeFirst();
  const isGivenUp = before !== undefined && GIVEN_UP.includes(before.state);
  if (!isGivenUp || before.release !== previousRelease) return previousRelease;
  return (JSON.parse(before.engine) as EngineRecord).previousRelease;
}

async function nextName(queries: Queries, organisation: string, fleet: string): Promise<string> {
  const { count } = await queries
    .selectFrom('rollouts')
    .select((select) => select.fn.countAll<number>().as('count'))
    .where('organisation', '=', organisation)
    .where('fleet', '=', fleet)
    .executeTakeFirstOrThrow();
  return `${fleet}-${count + 1}`;
}

export async function findRollout(
  queries: Queries,
  organisation: string,
  name: string,
): Promise<RolloutRow | undefined> {
  return await queries
    .selectFrom('rollouts')
    .selectAll()
    .where('organisation', '=', organisation)
    .where('name', '=', name)
    .executeTakeFirst();
}

/**
 * The rollout, for whoever changes it, held until the transaction ends. PostgreSQL locks the row, and a replica that comes second goes
 * on to the next (`skip`) or waits; SQLite has one writer anyway.
 */
export async function holdRollout(
  transaction: Queries,
  organisation: string,
  name: string,
  ifTaken: 'skip' | 'wait',
): Promise<RolloutRow | undefined> {
  let query = transaction
    .selectFrom('rollouts')
    .selectAll()
    .where('organisation', '=', organisation)
    .where('name', '=', name);
  if (!isSqlite(transaction)) query = ifTaken === 'skip' ? query.forUpdate().skipLocked() : query.forUpdate();
  return await query.executeTakeFirst();
}

/** What is kept of the devices of a rollout, by name. */
export interface KeptDevices {
  /** For the engine. */
  readonly records: ReadonlyMap<string, DeviceRecord>;
  /** For people. */
  readonly shown: ReadonlyMap<string, Pick<RolloutDeviceRow, 'state' | 'why'>>;
}

/** Rows that are read at once: more of them would only be held twice. */
const PAGE = 2000;

export async function loadKept(
  queries: Queries,
  organisation: string,
  rollout: string,
): Promise<KeptDevices> {
  const records = new Map<string, DeviceRecord>();
  const shown = new Map<string, Pick<RolloutDeviceRow, 'state' | 'why'>>();
  let after = '';
  for (;;) {
    const rows = await queries
      .selectFrom('rollout_devices')
      .select(['device', 'engine', 'state', 'why'])
      .where('organisation', '=', organisation)
      .where('rollout', '=', rollout)
      .where('device', '>', after)
      .orderBy('device')
      .limit(PAGE)
      .execute();
    for (const { device, engine, state, why } of rows) {
      records.set(device, JSON.parse(engine) as DeviceRecord);
      shown.set(device, { state, why });
    }
    after = rows.at(-1)?.device ?? after;
    if (rows.length < PAGE) return { records, shown };
  }
}

/** By batch: why its devices wait, but for those that say something else. */
export function whysOf({ whys }: Pick<RolloutRow, 'whys'>): readonly (string | null)[] {
  return JSON.parse(whys) as readonly (string | null)[];
}

/** Why a device is where it is, from its row and what its rollout says of its batch. */
export function whyOfRow(
  { batch, state, why }: Pick<RolloutDeviceRow, 'batch' | 'state' | 'why'>,
  whys: readonly (string | null)[],
): string | null {
  return why ?? (state === 'pending' ? (whys[Number(batch)] ?? null) : null);
}

export function presentRollout(row: RolloutRow): Rollout {
  const status = JSON.parse(row.status) as RolloutStatus;
  return {
    ...header('Rollout'),
    metadata: metadataOf(row),
    spec: JSON.parse(row.spec) as RolloutSpec,
    status: {
      ...status,
      state: row.state as RolloutState,
      finishedAt: row.finished_ms === null ? null : new Date(row.finished_ms).toISOString(),
    },
  };
}
