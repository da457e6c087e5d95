import type { Kysely } from 'kysely';

/** How far each webhook was told of events. */
export async function up(database: Kysely<unknown>): Promise<void> {
  await database.schema
    .createTable('webhooks')
    .addColumn('organisation', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('secret', 'text', (column) => column.notNull())
    .addColumn('sequence', 'bigint', (column) => column.notNull())
    .addColumn('failures', 'bigint', (column) => column.notNull())
    .addColumn('reason', 'text')
    .addColumn('delivered_ms', 'bigint')
    .addColumn('next_ms', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('webhooks_key', ['organisation', 'name'] as never)
    .execute();
}
