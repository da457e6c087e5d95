import type { Kysely } from 'kysely';

/** What takes its time and is answered before it is done. */
export async function up(database: Kysely<unknown>): Promise<void> {
  await database.schema
    .createTable('operations')
    .addColumn('organisation', 'text', (column) => column.notNull())
    .addColumn('id', 'text', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('target', 'text')
    .addColumn('actor', 'text', (column) => column.notNull())
    .addColumn('address', 'text')
    .addColumn('work', 'text', (column) => column.notNull())
    .addColumn('done', 'bigint', (column) => column.notNull())
    .addColumn('total', 'bigint', (column) => column.notNull())
    .addColumn('message', 'text')
    .addColumn('created_ms', 'bigint', (column) => column.notNull())
    .addColumn('finished_ms', 'bigint')
    .addColumn('next_ms', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('operations_key', ['organisation', 'id'] as never)
    .execute();
  await database.schema
    .createIndex('operations_by_next_ms')
    .on('operations')
    .columns(['state', 'next_ms'])
    .execute();
}
