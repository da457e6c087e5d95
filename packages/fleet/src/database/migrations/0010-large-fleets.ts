import type { DeviceReport } from '@slipway/fleet-api';
import { type Kysely, sql } from 'kysely';

/**
 * Pages of large fleets: devices are listed and counted from indexes alone, whichever state they are asked by, and those that are not
 * online are found without looking at the others. For that every device has a row of its presence, from the moment it is let in.
 *
 * Rollouts of large fleets: what a step looks at of every device stands in columns of its own, and why a device waits that waits as its
 * batch does is said once, with the rollout.
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
  for (const column of ['time_zone', 'staged_digest', 'health', 'update_id'])
    await database.schema.alterTable('devices').addColumn(column, 'text').execute();
  await database.schema.alterTable('devices').dropColumn('why').execute();
  await database.schema
    .alterTable('rollouts')
    .addColumn('whys', 'text', (column) => column.notNull().defaultTo('[]'))
    .execute();
  await takeFromReports(database);
}

const PAGE = 1000;

async function takeFromReports(database: Kysely<unknown>): Promise<void> {
  let after = '';
  for (;;) {
    const { rows } = await sql<{ readonly name: string; readonly report: string }>`
      select name, report from devices where report is not null and name > ${after} order by name limit ${PAGE}`.execute(
      database,
    );
    for (const { name, report: json } of rows) {
      const { timeZone = null, image, health, update } = JSON.parse(json) as DeviceReport;
      await sql`
        update devices set time_zone = ${timeZone}, staged_digest = ${image.staged?.digest ?? null},
          health = ${health.state}, update_id = ${update.updateId}
        where name = ${name}`.execute(database);
    }
    after = rows.at(-1)?.name ?? after;
    if (rows.length < PAGE) return;
  }
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
