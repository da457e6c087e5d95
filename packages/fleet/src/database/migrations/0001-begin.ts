import type { Kysely } from 'kysely';
import { isSqlite } from '../is-sqlite.ts';

/** The first schema. Types and names are those both databases know. */
export async function up(database: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) {
    const [verb, name, ...columns] = statement;
    if (verb === 'table') await createTable(database, name, columns);
    else await createIndex(database, name, columns);
  }
}

type Statement = readonly ['table' | 'index', string, ...string[]];

/** `column type[!]`, where `!` says that it is never null; `*` before a column makes it part of the primary key. */
const STATEMENTS: readonly Statement[] = [
  [
    'table',
    'resources',
    '*organisation text!',
    '*kind text!',
    '*name text!',
    'labels text!',
    'spec text!',
    'revision bigint!',
    'created_ms bigint!',
    'updated_ms bigint!',
  ],
  [
    'table',
    'devices',
    '*name text!',
    'organisation text!',
    'hostname text!',
    'labels text!',
    'spec text!',
    'revision bigint!',
    'created_ms bigint!',
    'updated_ms bigint!',
    'lifecycle text!',
    'fleet text',
    'fleet_problem text',
    'report text',
    'report_tag text',
    'architecture text',
    'booted_digest text',
    'release text',
    'phase text!',
    'failure text',
    'desired_release text',
    'update_order text',
    'order_revision bigint!',
    'rollout text',
    'why text',
    'denied text!',
    'certificate_serial text',
    'previous_serial text',
    'certificate_until_ms bigint',
    'public_key text!',
  ],
  ['index', 'devices', 'organisation', 'name'],
  ['index', 'devices', 'organisation', 'fleet', 'name'],
  ['index', 'devices', 'organisation', 'booted_digest'],
  ['table', 'device_labels', '*device text!', '*label text!', 'value text!'],
  ['index', 'device_labels', 'label', 'value', 'device'],
  [
    'table',
    'device_presence',
    '*device text!',
    'seen_ms bigint!',
    'address text',
    'interval_seconds bigint!',
  ],
  ['table', 'release_digests', '*organisation text!', '*digest text!', 'release text!'],
  [
    'table',
    'timeline',
    '#id',
    'device text!',
    'at_ms bigint!',
    'what text!',
    'message text!',
    'release text',
  ],
  ['index', 'timeline', 'device', 'id'],
  [
    'table',
    'enrolments',
    '*name text!',
    'organisation text!',
    'hostname text',
    'public_key text!',
    'csr text!',
    'labels text!',
    'report text',
    'state text!',
    'reason text',
    'address text',
    'decided_by text',
    'decided_ms bigint',
    'certificate text',
    'revision bigint!',
    'created_ms bigint!',
    'updated_ms bigint!',
  ],
  ['index', 'enrolments', 'organisation', 'state', 'name'],
  [
    'table',
    'enrolment_tokens',
    '*organisation text!',
    '*name text!',
    'hash text!',
    'labels text!',
    'fleet text',
    'uses_left bigint!',
    'expires_ms bigint',
    'created_ms bigint!',
    'created_by text!',
  ],
  ['index', 'enrolment_tokens', 'hash'],
  [
    'table',
    'credentials',
    '*hash text!',
    'organisation text!',
    'kind text!',
    'name text!',
    'owner text!',
    'grants text',
    'csrf text',
    'created_ms bigint!',
    'expires_ms bigint',
    'used_ms bigint',
  ],
  ['index', 'credentials', 'organisation', 'kind', 'name'],
  [
    'table',
    'passwords',
    '*organisation text!',
    '*user text!',
    'hash text!',
    'origin text!',
    'login_ms bigint',
  ],
  [
    'table',
    'audit',
    '*organisation text!',
    '*sequence bigint!',
    'at_ms bigint!',
    'actor text!',
    'address text',
    'action text!',
    'target text',
    'outcome text!',
    'detail text!',
    'previous_hash text!',
    'hash text!',
  ],
  ['table', 'chains', '*name text!', 'sequence bigint!', 'hash text!'],
  [
    'table',
    'events',
    '*sequence bigint!',
    'organisation text!',
    'at_ms bigint!',
    'kind text!',
    'name text!',
    'what text!',
    'message text!',
    'fleet text',
  ],
  [
    'table',
    'idempotency',
    '*organisation text!',
    '*actor text!',
    '*key text!',
    'request_hash text!',
    'status bigint!',
    'body text!',
    'created_ms bigint!',
  ],
  ['table', 'settings', '*name text!', 'value text!'],
  ['table', 'leases', '*name text!', 'owner text!', 'until_ms bigint!'],
  [
    'table',
    'rollouts',
    '*organisation text!',
    '*name text!',
    'fleet text!',
    'release text!',
    'labels text!',
    'spec text!',
    'state text!',
    'status text!',
    'engine text!',
    'revision bigint!',
    'created_ms bigint!',
    'updated_ms bigint!',
    'finished_ms bigint',
  ],
  ['index', 'rollouts', 'organisation', 'fleet', 'created_ms'],
  [
    'table',
    'rollout_devices',
    '*organisation text!',
    '*rollout text!',
    '*device text!',
    'batch text!',
    'state text!',
    'why text',
    'engine text!',
    'started_ms bigint',
    'finished_ms bigint',
  ],
];

async function createTable(
  database: Kysely<unknown>,
  name: string,
  columns: readonly string[],
): Promise<void> {
  let table = database.schema.createTable(name);
  const key: string[] = [];
  for (const column of columns) {
    if (column === '#id') {
      table = table.addColumn('id', isSqlite(database) ? 'integer' : 'bigserial', (id) => id.primaryKey());
      continue;
    }
    const isKey = column.startsWith('*');
    const [columnName = '', type = ''] = column.slice(isKey ? 1 : 0).split(' ');
    if (isKey) key.push(columnName);
    const isRequired = type.endsWith('!');
    const kind = type.startsWith('bigint') ? 'bigint' : 'text';
    table = table.addColumn(columnName, kind, (each) => (isRequired ? each.notNull() : each));
  }
  if (key.length > 0) table = table.addPrimaryKeyConstraint(`${name}_key`, key as never);
  await table.execute();
}

async function createIndex(
  database: Kysely<unknown>,
  table: string,
  columns: readonly string[],
): Promise<void> {
  await database.schema
    .createIndex(`${table}_by_${columns.join('_')}`)
    .on(table)
    .columns([...columns])
    .execute();
}
