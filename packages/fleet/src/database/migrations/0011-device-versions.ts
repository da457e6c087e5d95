import { type Kysely, sql } from 'kysely';

/**
 * Whether a device is another than it was to the rollout of its fleet is read from an index alone: from its revisions, to which that of
 * its report is added.
 */
export async function up(database: Kysely<unknown>): Promise<void> {
  await database.schema
    .alterTable('devices')
    .addColumn('report_revision', 'bigint', (column) => column.notNull().defaultTo(1))
    .execute();
  await database.schema.dropIndex('devices_by_fleet').execute();
  await sql`create index devices_by_fleet on devices
    (organisation, fleet, lifecycle, name, revision, order_revision, report_revision)`.execute(database);
}
