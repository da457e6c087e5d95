import { type ConnectionState, type UpdateState } from '@slipway/fleet-api';
import { type RawBuilder, sql } from 'kysely';

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
const DEFAULT_INTERVAL_SECONDS = 60;
/** A device is stale when it missed two check-ins, and offline when it missed ten, or five minutes. */
const STALE_INTERVALS = 2.5;
const OFFLINE_INTERVALS = 10;
const OFFLINE_AT_LEAST_MS = 300_000;

/** The update state of a device row: the one place where it is decided. */
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

/** The same in SQL, from the table of presences. */
export function connectionState(nowMs: number): RawBuilder<ConnectionState> {
  const interval = sql`coalesce(device_presence.interval_seconds, ${sql.lit(DEFAULT_INTERVAL_SECONDS)}) * 1000`;
  const age = sql`(${sql.lit(nowMs)} - device_presence.seen_ms)`;
  // The database lags behind by a flush.
  return sql<ConnectionState>`case
    when device_presence.seen_ms is null then 'never'
    when ${age} > ${interval} * ${sql.lit(OFFLINE_INTERVALS)} and ${age} > ${sql.lit(OFFLINE_AT_LEAST_MS)} then 'offline'
    when ${age} > ${interval} * ${sql.lit(STALE_INTERVALS)} + 60000 then 'stale'
    else 'online' end`;
}
