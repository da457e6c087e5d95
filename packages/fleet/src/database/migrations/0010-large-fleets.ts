import { type Kysely, sql } from 'kysely';

/**
 * Pages of large fleets: devices are listed and counted from indexes alone, whichever state they are asked by, and those that are not
 * online are found without looking at the others. For that every device has a row of its presence, from the moment it is let in.
 */
export async function up(database: Kysely<unknown>): Promise<void> {
  for (const name of ['devices_by_organisation_name', 'devices_by_organisation_fleet_name'])
    await database.schema.dropIndex(name).execute();
  for (const [name, table, columns] of INDEXES)
    await sql`create index ${sql.id(name)} on ${sql.table(table)} (${columns})`.execute(database);
  await sql`
    insert into device_presence (device, seen_ms, address, interval_seconds)
    select name, 0, null, 60 from devices
    where not exists (select 1 from device_presence where device_presence.device = devices.name)`.execute(
    database,
  );
}

/** The update state of a device. Queries must say it in the same words, or they do not find the index. */
const UPDATE_STATE = sql`(case
  when report is null then 'unknown'
  when phase in ('waiting', 'downloading', 'downloaded', 'staging', 'staged', 'rebooting', 'verifying', 'rolling-back') then 'updating'
  when desired_release is null or desired_release = release then
    case when config_problem is null then 'up-to-date' else 'out-of-date' end
  when phase = 'failed' or failure is not null then 'failed'
  when release is null then 'unknown'
  else 'out-of-date' end)`;

const INDEXES: readonly (readonly [string, string, ReturnType<typeof sql>])[] = [
  ['devices_by_lifecycle', 'devices', sql`organisation, lifecycle, name, hostname`],
  ['devices_by_update', 'devices', sql`organisation, lifecycle, ${UPDATE_STATE}, name`],
  ['devices_by_fleet', 'devices', sql`organisation, fleet, lifecycle, name`],
  ['devices_by_fleet_and_update', 'devices', sql`organisation, fleet, lifecycle, ${UPDATE_STATE}, name`],
  ['devices_by_release', 'devices', sql`organisation, release, lifecycle, booted_digest`],
  ['device_presence_by_silence', 'device_presence', sql`(seen_ms + interval_seconds * 2500)`],
];
