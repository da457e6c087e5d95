import type { Kysely } from 'kysely';

/** What clients of others say of themselves, and what they are given out of the registry. */
export async function up(database: Kysely<unknown>): Promise<void> {
  await database.schema
    .createTable('client_states')
    .addColumn('device', 'text', (column) => column.primaryKey())
    .addColumn('architecture', 'text', (column) => column.notNull())
    .addColumn('booted_digest', 'text')
    .addColumn('phase', 'text')
    .addColumn('error_code', 'bigint')
    .addColumn('update_id', 'text')
    .execute();
  await database.schema
    .createTable('payload_files')
    .addColumn('digest', 'text', (column) => column.primaryKey())
    .addColumn('size_bytes', 'bigint', (column) => column.notNull())
    .addColumn('sha1', 'text', (column) => column.notNull())
    .addColumn('sha256', 'text', (column) => column.notNull())
    .execute();
}
