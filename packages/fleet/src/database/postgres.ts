import { type Dialect, PostgresDialect } from 'kysely';
import { Pool, TypeOverrides } from 'pg';

const INT8 = 20;

/** Kysely over PostgreSQL. `bigint` columns hold times and counts, all of which a JavaScript number holds exactly. */
export function postgresDialect(url: string, maxConnections: number): Dialect {
  const types = new TypeOverrides();
  types.setTypeParser(INT8, Number);
  const pool = new Pool({
    connectionString: url,
    max: maxConnections,
    connectionTimeoutMillis: 10_000,
    application_name: 'slipway-fleet',
    types,
  });
  // A connection that breaks while nobody uses it is replaced by the next query. Who has one in a transaction hears of it from that query;
  // the client says it once more, by an event that would end the process if nobody listened.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  return new PostgresDialect({ pool });
}
