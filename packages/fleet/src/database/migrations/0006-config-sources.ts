import type { Kysely } from 'kysely';

/** What configurations of fleets take from elsewhere, and why a device cannot be told its own. */
export async function up(database: Kysely<unknown>): Promise<void> {
  await database.schema
    .createTable('config_sources')
    .addColumn('organisation', 'text', (column) => column.notNull())
    .addColumn('fleet', 'text', (column) => column.notNull())
    .addColumn('key', 'text', (column) => column.notNull())
    .addColumn('entry', 'text', (column) => column.notNull())
    .addColumn('source', 'text', (column) => column.notNull())
    .addColumn('repository', 'text')
    .addColumn('content', 'text')
    .addColumn('digest', 'text')
    .addColumn('version', 'text')
    .addColumn('problem', 'text')
    .addColumn('next_ms', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('config_sources_key', ['organisation', 'fleet', 'key'] as never)
    .execute();
  await database.schema
    .createIndex('config_sources_by_next_ms')
    .on('config_sources')
    .column('next_ms')
    .execute();
  await database.schema.alterTable('devices').addColumn('config_problem', 'text').execute();
}
