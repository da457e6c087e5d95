import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf, SlipwayError } from '@slipway/core';
import { Kysely, type Transaction } from 'kysely';
import { GroupCommit } from './group-commit.ts';
import { migrate } from './migrate.ts';
import { postgresDialect } from './postgres.ts';
import { retryDeadlocks } from './retry-deadlocks.ts';
import { openSqliteFile, sqliteDialect } from './sqlite.ts';
import type { Tables } from './tables.ts';

/** Anything queries run on: the database, or a transaction of it. */
export type Queries = Kysely<Tables>;

/** The database of a server. */
export interface FleetDatabase extends AsyncDisposable {
  readonly kind: 'sqlite' | 'postgres';
  /** Reads that need no transaction; in SQLite a connection of its own, so that they do not wait for writers. */
  readonly reads: Queries;
  /**
   * Runs all of it or nothing. Writers of one SQLite file stand in a line, and those that do are committed together; in PostgreSQL the
   * work is done again after a deadlock.
   */
  transact<Result>(work: (transaction: Transaction<Tables>) => Promise<Result>): Promise<Result>;
}

export interface OpenDatabaseOptions {
  /** Stop after the migration of this number; for tests of migrations. */
  readonly migrateTo?: number;
  readonly maxConnections?: number;
}

/**
 * Opens the database at `postgres://…` or in a file, and brings its schema up to date.
 *
 * @throws SlipwayError FLEET_DATABASE_UNUSABLE, FLEET_DATABASE_NEWER
 */
export async function openDatabase(where: string, options: OpenDatabaseOptions = {}): Promise<FleetDatabase> {
  try {
    return isPostgres(where) ? await openPostgres(where, options) : await openSqlite(where, options);
  } catch (cause) {
    if (cause instanceof SlipwayError) throw cause;
    throw new SlipwayError(
      'FLEET_DATABASE_UNUSABLE',
      `cannot use the database ${withoutPassword(where)}: ${messageOf(cause)}`,
      { hint: 'see whether it runs, and whether its directory can be written', cause },
    );
  }
}

/** A database that is only read, by a thread of its own. */
export interface FleetReader extends AsyncDisposable {
  readonly queries: Queries;
}

/** Opens a database that is there and up to date. */
export function openReader(where: string): FleetReader {
  const dialect = isPostgres(where)
    ? postgresDialect(where, READER_CONNECTIONS)
    : sqliteDialect(openSqliteFile(where, true));
  const queries = new Kysely<Tables>({ dialect });
  return { queries, [Symbol.asyncDispose]: async () => await queries.destroy() };
}

const READER_CONNECTIONS = 2;

function isPostgres(where: string): boolean {
  return /^postgres(ql)?:\/\//.test(where);
}

/** Passwords are for nobody's eyes. */
function withoutPassword(where: string): string {
  if (!URL.canParse(where)) return where;
  const url = new URL(where);
  url.password = url.password === '' ? '' : '***';
  return url.href;
}

async function openSqlite(path: string, options: OpenDatabaseOptions): Promise<FleetDatabase> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await using opened = new AsyncDisposableStack();
  const writes = new Kysely<Tables>({ dialect: sqliteDialect(openSqliteFile(path, false)) });
  opened.defer(() => writes.destroy());
  await migrate(writes, options.migrateTo);
  const reads = new Kysely<Tables>({ dialect: sqliteDialect(openSqliteFile(path, true)) });
  opened.defer(() => reads.destroy());
  const commits = new GroupCommit(writes);
  const closing = opened.move();
  return {
    kind: 'sqlite',
    reads,
    transact: async (work) => await commits.transact(work),
    [Symbol.asyncDispose]: async () => await closing.disposeAsync(),
  };
}

async function openPostgres(url: string, options: OpenDatabaseOptions): Promise<FleetDatabase> {
  await using opened = new AsyncDisposableStack();
  const both = new Kysely<Tables>({ dialect: postgresDialect(url, options.maxConnections ?? 20) });
  opened.defer(() => both.destroy());
  await migrate(both, options.migrateTo);
  const closing = opened.move();
  return {
    kind: 'postgres',
    reads: both,
    transact: async (work) => await retryDeadlocks(async () => await both.transaction().execute(work)),
    [Symbol.asyncDispose]: async () => await closing.disposeAsync(),
  };
}
