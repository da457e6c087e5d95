import type { Kysely } from 'kysely';

/** Where the server stands with each git repository it follows. */
export async function up(database: Kysely<unknown>): Promise<void> {
  await database.schema
    .createTable('git_repositories')
    .addColumn('organisation', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('token', 'text')
    .addColumn('applied_commit', 'text')
    .addColumn('applied', 'text', (column) => column.notNull())
    .addColumn('outcome', 'text', (column) => column.notNull())
    .addColumn('next_ms', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('git_repositories_key', ['organisation', 'name'] as never)
    .execute();
  await database.schema
    .createIndex('git_repositories_by_next_ms')
    .on('git_repositories')
    .column('next_ms')
    .execute();
}
