import { type ConnectionState, type UpdateState } from '@slipway/fleet-api';
import { type RawBuilder, type SqlBool, sql } from 'kysely';

/** Phases in which a device is at an update. */
const BUSY = [
  'waiting',
  'downloading',
  'downloaded',
  'staging',
  'staged',
  'rebooting',
  'verifying',
  'rolling-back',
];
/** How often devices come that no fleet says it of. */
export const DEFAULT_INTERVAL_SECONDS = 60;
/** A device is stale when it missed two check-ins, and offline when it missed ten, or five minutes. */
const STALE_INTERVALS = 2.5;
const OFFLINE_INTERVALS = 10;
const OFFLINE_AT_LEAST_MS = 300_000;
/** The database lags behind by a flush. */
const LAG_MS = 60_000;

/**
 * The update state of a device row: the one place where it is decided. An index is made of the same words: who changes them makes another
 * by a migration.
 */
export const UPDATE_STATE: RawBuilder<UpdateState> = sql<UpdateState>`case
  when devices.report is null then 'unknown'
  when devices.phase in (${sql.join(BUSY.map((phase) => sql.lit(phase)))}) then 'updating'
  when devices.desired_release is null or devices.desired_release = devices.release then
    case when devices.config_problem is null then 'up-to-date' else 'out-of-date' end
  when devices.phase = 'failed' or devices.failure is not null then 'failed'
  when devices.release is null then 'unknown'
  else 'out-of-date' end`;

/** When a device that was seen then counts as stale and as offline. */
export function deadlines(intervalSeconds: number | null): {
  readonly staleMs: number;
  readonly offlineMs: number;
} {
  const intervalMs = (intervalSeconds ?? DEFAULT_INTERVAL_SECONDS) * 1000;
  return {
    staleMs: intervalMs * STALE_INTERVALS,
    offlineMs: Math.max(intervalMs * OFFLINE_INTERVALS, OFFLINE_AT_LEAST_MS),
  };
}

const INTERVAL_MS = sql`coalesce(device_presence.interval_seconds, ${sql.lit(DEFAULT_INTERVAL_SECONDS)}) * 1000`;

/** The same in SQL, from the table of presences. */
export function connectionState(nowMs: number): RawBuilder<ConnectionState> {
  const age = sql`(${nowMs} - device_presence.seen_ms)`;
  return sql<ConnectionState>`case
    when coalesce(device_presence.seen_ms, 0) = 0 then 'never'
    when ${age} > ${INTERVAL_MS} * ${sql.lit(OFFLINE_INTERVALS)} and ${age} > ${sql.lit(OFFLINE_AT_LEAST_MS)} then 'offline'
    when ${age} > ${INTERVAL_MS} * ${sql.lit(STALE_INTERVALS)} + ${sql.lit(LAG_MS)} then 'stale'
    else 'online' end`;
}

/** Whether a row of presences is that of a device that is not online: what is offline or was never seen is silent for as long, too. */
export function isSilent(nowMs: number): RawBuilder<SqlBool> {
  const until = sql`(device_presence.seen_ms + device_presence.interval_seconds * ${sql.lit(STALE_INTERVALS * 1000)})`;
  return sql<SqlBool>`${until} < ${nowMs - LAG_MS}`;
}
