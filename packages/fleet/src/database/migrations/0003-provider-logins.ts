import type { Kysely } from 'kysely';

/** Who logs in by an identity provider: its name for a person, ours, and the groups it named at the last login. */
export async function up(database: Kysely<unknown>): Promise<void> {
  await database.schema
    .createTable('provider_logins')
    .addColumn('organisation', 'text', (column) => column.notNull())
    .addColumn('issuer', 'text', (column) => column.notNull())
    .addColumn('subject', 'text', (column) => column.notNull())
    .addColumn('user', 'text', (column) => column.notNull())
    .addColumn('groups', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('provider_logins_key', ['organisation', 'issuer', 'subject'] as never)
    .execute();
  await database.schema
    .createIndex('provider_logins_user')
    .on('provider_logins')
    .columns(['organisation', 'user'])
    .execute();
}
