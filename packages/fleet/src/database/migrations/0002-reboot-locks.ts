import type { Kysely } from 'kysely';

/** Locks of hosts that ask before they restart. */
export async function up(database: Kysely<unknown>): Promise<void> {
  await database.schema
    .createTable('reboot_locks')
    .addColumn('organisation', 'text', (column) => column.notNull())
    .addColumn('fleet', 'text', (column) => column.notNull())
    .addColumn('holder', 'text', (column) => column.notNull())
    .addColumn('owner', 'text')
    .addColumn('reason', 'text', (column) => column.notNull())
    .addColumn('acquired_ms', 'bigint', (column) => column.notNull())
    .addColumn('expires_ms', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('reboot_locks_key', ['organisation', 'fleet', 'holder'] as never)
    .execute();
  await database.schema
    .createIndex('reboot_locks_by_expires_ms')
    .on('reboot_locks')
    .column('expires_ms')
    .execute();
}
