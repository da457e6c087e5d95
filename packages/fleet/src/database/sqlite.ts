import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { type Dialect, SqliteDialect } from 'kysely';

interface Statement {
  readonly reader: boolean;
  all(parameters: readonly unknown[]): unknown[];
  run(parameters: readonly unknown[]): { changes: number | bigint; lastInsertRowid: number | bigint };
  iterate(parameters: readonly unknown[]): IterableIterator<unknown>;
}

/** Statements that are prepared once; the server has some hundreds. */
const MAX_STATEMENTS = 1000;

/**
 * Opens a SQLite file for the server.
 *
 * A power cut after a commit leaves the commit: WAL with `synchronous=FULL` syncs the log before a commit returns. One cut within it
 * leaves the state before.
 */
export function openSqliteFile(path: string, readOnly: boolean): DatabaseSync {
  const file = new DatabaseSync(path, { timeout: 10_000, readOnly });
  if (!readOnly) file.exec('PRAGMA journal_mode = WAL');
  file.exec('PRAGMA synchronous = FULL');
  file.exec('PRAGMA foreign_keys = ON');
  file.exec('PRAGMA cache_size = -65536');
  file.exec('PRAGMA temp_store = MEMORY');
  return file;
}

/** Kysely over the SQLite that is built into Node. */
export function sqliteDialect(file: DatabaseSync): Dialect {
  const statements = new Map<string, Statement>();
  const prepare = (sql: string): Statement => {
    const known = statements.get(sql);
    if (known !== undefined) return known;
    // Statements that change the schema are not worth keeping, and may end others.
    const statement = adapt(file.prepare(sql));
    if (statements.size >= MAX_STATEMENTS) statements.clear();
    statements.set(sql, statement);
    return statement;
  };
  return new SqliteDialect({ database: { prepare, close: () => file.close() } });
}

function adapt(statement: StatementSync): Statement {
  const values = (parameters: readonly unknown[]): SQLInputValue[] => parameters as SQLInputValue[];
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => statement.all(...values(parameters)),
    run: (parameters) => statement.run(...values(parameters)),
    iterate: (parameters) => statement.iterate(...values(parameters)),
  };
}
