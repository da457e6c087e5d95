import {
  type ConnectionState,
  type DeviceListQuery,
  isSelectorProblem,
  type LabelCondition,
  parseSelector,
  type UpdateState,
} from '@slipway/fleet-api';
import { type Expression, type ExpressionBuilder, type SelectQueryBuilder, type SqlBool, sql } from 'kysely';
import type { Queries } from '../database/database.ts';
import { isSqlite } from '../database/is-sqlite.ts';
import type { DeviceRow, Tables } from '../database/tables.ts';
import { afterOf, limitOf } from '../http/cursor.ts';
import type { CallContext } from '../http/handler.ts';
import type { Scope } from '../identity/identity.ts';
import { deviceRollouts } from '../rollouts/device-rollouts.ts';
import { connectionState, isSilent, UPDATE_STATE } from './device-state.ts';
import { areFewSilent } from './silence.ts';

/** Filters see devices alone, so that counting them reads one index. */
type Builder = ExpressionBuilder<Tables, 'devices'>;

/** Rows of devices with their states, as a page of a list wants them, and how many there are in all. */
export async function queryDevices(
  context: CallContext,
  query: DeviceListQuery,
): Promise<{ readonly rows: readonly DeviceListRow[]; readonly total: number }> {
  const after = afterOf(query);
  const areFew = query.connection === undefined || (await areFewSilent(context.queries, context.nowMs));
  const filters = (build: Builder): Expression<SqlBool> =>
    build.and(filtersOf(build, context, query, areFew));
  const counted = await context.queries
    .selectFrom('devices')
    .select((select) => select.fn.countAll<number>().as('count'))
    .where(filters)
    .executeTakeFirstOrThrow();
  let page = selectDevices(context)
    .where((build) => filters(build as Builder))
    .orderBy('devices.name')
    .limit(limitOf(query) + 1);
  if (after !== undefined) page = page.where('devices.name', '>', after);
  return { rows: await withRollouts(context, await page.execute()), total: counted.count };
}

/** Names of all devices that match, in their order. */
export async function selectDeviceNames(
  context: CallContext,
  query: Pick<DeviceListQuery, 'selector' | 'fleet'>,
): Promise<readonly string[]> {
  const rows = await context.queries
    .selectFrom('devices')
    .select('devices.name')
    .where((build) => build.and(filtersOf(build, context, query)))
    .orderBy('devices.name')
    .execute();
  return rows.map(({ name }) => name);
}

/** One device with its states; undefined: none of the organisation. */
export async function queryDevice(context: CallContext, name: string): Promise<DeviceListRow | undefined> {
  const rows = await selectDevices(context)
    .where('devices.name', '=', name)
    .where('devices.organisation', '=', context.identity.organisation)
    .execute();
  return (await withRollouts(context, rows))[0];
}

/** A row of a device with when it was seen, the states that follow, and why it waits in the rollout of its fleet. */
export interface DeviceListRow extends SelectedRow {
  readonly why: string | null;
}

interface SelectedRow extends DeviceRow {
  readonly seen_ms: number | null;
  readonly address: string | null;
  readonly interval_seconds: number | null;
  readonly update_state: UpdateState;
  readonly connection_state: ConnectionState;
}

async function withRollouts(
  { queries, identity }: CallContext,
  rows: readonly SelectedRow[],
): Promise<readonly DeviceListRow[]> {
  const parts = await deviceRollouts(queries, identity.organisation, rows);
  return rows.map((row) => {
    const part = parts.get(row.name);
    return { ...row, rollout: part?.rollout ?? row.rollout, why: part?.why ?? null };
  });
}

function selectDevices({
  queries,
  nowMs,
}: CallContext): SelectQueryBuilder<Tables, 'devices' | 'device_presence', SelectedRow> {
  return queries
    .selectFrom('devices')
    .leftJoin('device_presence', 'device_presence.device', 'devices.name')
    .selectAll('devices')
    .select(['device_presence.seen_ms', 'device_presence.address', 'device_presence.interval_seconds'])
    .select([UPDATE_STATE.as('update_state'), connectionState(nowMs).as('connection_state')]) as never;
}

function filtersOf(
  build: Builder,
  { queries, identity, scope, nowMs }: CallContext,
  query: DeviceListQuery,
  areFew = true,
): Expression<SqlBool>[] {
  const filters: Expression<SqlBool>[] = [
    build('devices.organisation', '=', identity.organisation),
    build('devices.lifecycle', '=', query.lifecycle ?? 'enrolled'),
    ...scopeFilters(queries, build, scope),
    ...labelFilters(queries, build, conditionsOf(query.selector)),
  ];
  if (query.fleet !== undefined) filters.push(build('devices.fleet', '=', query.fleet));
  if (query.digest !== undefined) filters.push(build('devices.booted_digest', '=', query.digest));
  if (query.update !== undefined) filters.push(sql<SqlBool>`${UPDATE_STATE} = ${query.update}`);
  if (query.connection !== undefined)
    filters.push(connectionFilter(queries, build, query.connection, nowMs, areFew));
  if (query.search !== undefined && query.search !== '') {
    const pattern = `%${query.search.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`;
    filters.push(
      sql<SqlBool>`(devices.name like ${pattern} escape '\\' or lower(devices.hostname) like ${pattern} escape '\\')`,
    );
  }
  return filters;
}

function conditionsOf(selector: string | undefined): readonly LabelCondition[] {
  const parsed = parseSelector(selector ?? '');
  return isSelectorProblem(parsed) ? [] : parsed;
}

/** Where few are silent, it is looked for those, whichever are asked for. */
function connectionFilter(
  queries: Queries,
  build: Builder,
  state: ConnectionState,
  nowMs: number,
  areFew: boolean,
): Expression<SqlBool> {
  const isInState = sql<SqlBool>`${connectionState(nowMs)} = ${state}`;
  const present = build.selectFrom('device_presence').select('device_presence.device');
  if (!areFew) {
    return build.exists(present.whereRef('device_presence.device', '=', 'devices.name').where(isInState));
  }
  const silent = present.where(isSilent(nowMs));
  if (state === 'online') return isNotAmong(queries, build, silent, 'device_presence.device');
  return build('devices.name', 'in', silent.where(isInState));
}

/** Devices beyond the scope are not there for who asks. */
export function scopeFilters(queries: Queries, build: Builder, scope: Scope): Expression<SqlBool>[] {
  if (scope.kind === 'all') return [];
  if (scope.kind === 'none') return [sql<SqlBool>`1 = 0`];
  const alternatives = scope.grants.map(({ grant, conditions }) => {
    const inFleets = grant.fleets === undefined ? [] : [build('devices.fleet', 'in', [...grant.fleets, ''])];
    return build.and([...inFleets, ...labelFilters(queries, build, conditions ?? []), sql<SqlBool>`1 = 1`]);
  });
  return [build.or(alternatives)];
}

function labelFilters(
  queries: Queries,
  build: Builder,
  conditions: readonly LabelCondition[],
): Expression<SqlBool>[] {
  return conditions.map((condition) => {
    let labelled = build
      .selectFrom('device_labels')
      .select('device_labels.device')
      .where('device_labels.label', '=', condition.label);
    if ('values' in condition) labelled = labelled.where('device_labels.value', 'in', [...condition.values]);
    const isPositive = condition.operator === 'in' || condition.operator === 'exists';
    return isPositive
      ? build('devices.name', 'in', labelled)
      : isNotAmong(queries, build, labelled, 'device_labels.device');
  });
}

/** SQLite reads the list once and looks devices up in it; PostgreSQL would search a long list from its start for each, and joins instead. */
function isNotAmong<Table extends keyof Tables>(
  queries: Queries,
  build: Builder,
  names: SelectQueryBuilder<Tables, 'devices' | Table, { device: string }>,
  column: string,
): Expression<SqlBool> {
  if (isSqlite(queries)) return build('devices.name', 'not in', names);
  return build.not(build.exists(names.where(sql<SqlBool>`${sql.ref(column)} = devices.name`)));
}
