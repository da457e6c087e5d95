import type { Kysely } from 'kysely';

/** Whether queries run on SQLite; where not, on PostgreSQL. */
export function isSqlite<Schema>(database: Kysely<Schema>): boolean {
  return database.getExecutor().adapter.constructor.name.startsWith('Sqlite');
}
