import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { isSlipwayError, messageOf, SlipwayError } from '@slipway/core';
import { sql } from 'kysely';
import { openDatabase, type Queries } from './database.ts';
import { isSqlite } from './is-sqlite.ts';
import { SCHEMA_VERSION } from './migrate.ts';
import type { Tables } from './tables.ts';

const FORMAT = 'slipway-fleet-backup';
/** Every table, with the columns that order its rows. The compiler sees that none is forgotten. */
const TABLES: { readonly [Name in keyof Tables]: readonly (keyof Tables[Name] & string)[] } = {
  resources: ['organisation', 'kind', 'name'],
  devices: ['name'],
  device_labels: ['device', 'label'],
  device_presence: ['device'],
  release_digests: ['organisation', 'digest'],
  timeline: ['id'],
  enrolments: ['name'],
  enrolment_tokens: ['organisation', 'name'],
  credentials: ['hash'],
  passwords: ['organisation', 'user'],
  provider_logins: ['organisation', 'issuer', 'subject'],
  audit: ['organisation', 'sequence'],
  chains: ['name'],
  events: ['sequence'],
  idempotency: ['organisation', 'actor', 'key'],
  settings: ['name'],
  leases: ['name'],
  rollouts: ['organisation', 'name'],
  rollout_devices: ['organisation', 'rollout', 'device'],
  reboot_locks: ['organisation', 'fleet', 'holder'],
  git_repositories: ['organisation', 'name'],
  webhooks: ['organisation', 'name'],
  config_sources: ['organisation', 'fleet', 'key'],
  operations: ['organisation', 'id'],
  client_states: ['device'],
  payload_files: ['digest'],
  ssh_certificates: ['serial'],
};
const BATCH = 500;

type Row = Readonly<Record<string, string | number | null>>;

/** How much a backup holds. */
export interface BackupReport {
  readonly rows: number;
}

/**
 * Writes everything a server knows into a file: lines of JSON, gzip. It is one moment of the database, and the server may run on. The
 * file holds the key of the authority and hashes of passwords: only its owner can read it.
 *
 * A power cut leaves no file under the name, or a whole one.
 */
export async function backUpFleet(database: string, file: string): Promise<BackupReport> {
  await using opened = await openDatabase(database);
  const report = { rows: 0 };
  await opened.transact(async (transaction) => {
    if (!isSqlite(transaction))
      await sql`set transaction isolation level repeatable read`.execute(transaction);
    const lines = Readable.from(backupLines(transaction, report));
    await pipeline(lines, createGzip(), createWriteStream(`${file}.new`, { mode: 0o600, flush: true }));
  });
  await rename(`${file}.new`, file);
  return report;
}

async function* backupLines(queries: Queries, report: { rows: number }): AsyncGenerator<string> {
  const sum = createHash('sha256');
  const line = (value: object): string => {
    const text = `${JSON.stringify(value)}\n`;
    sum.update(text);
    return text;
  };
  yield line({ format: FORMAT, version: 1, schema: SCHEMA_VERSION });
  for (const [table, order] of Object.entries(TABLES)) {
    for (let offset = 0; ; offset += BATCH) {
      const columns = sql.join(order.map((column) => sql.ref(column)));
      const { rows } =
        await sql<Row>`select * from ${sql.table(table)} order by ${columns} limit ${BATCH} offset ${offset}`.execute(
          queries,
        );
      for (const row of rows) yield line({ table, row });
      report.rows += rows.length;
      if (rows.length < BATCH) break;
    }
  }
  yield `${JSON.stringify({ rows: report.rows, sha256: sum.digest('hex') })}\n`;
}

/**
 * Fills an empty database from a backup, of this version or an older one, of SQLite or PostgreSQL. It is read to its end before the
 * first row is written, and written in one transaction: a power cut leaves an empty database.
 *
 * @throws SlipwayError FLEET_BACKUP_INVALID, FLEET_CONFLICT when the database is not empty
 */
export async function restoreFleet(database: string, file: string): Promise<BackupReport> {
  const { schema, rows } = await checkBackup(file);
  {
    await using opened = await openDatabase(database, { migrateTo: schema });
    await opened.transact(async (transaction) => await fill(transaction, file));
  }
  // What the older version wrote becomes what this one writes.
  await using _migrated = await openDatabase(database);
  return { rows };
}

async function fill(transaction: Queries, file: string): Promise<void> {
  const { rows: there } =
    await sql<Row>`select 1 from resources union all select 1 from settings limit 1`.execute(transaction);
  if (there.length > 0) {
    throw new SlipwayError('FLEET_CONFLICT', 'cannot restore into a database that is not empty', {
      hint: 'name a new file, or a new database of PostgreSQL',
    });
  }
  let batch: Row[] = [];
  let current = '';
  const write = async (): Promise<void> => {
    if (batch.length > 0)
      await transaction
        .insertInto(current as keyof Tables)
        .values(batch)
        .execute();
    batch = [];
  };
  for await (const line of linesOf(file)) {
    const { table, row } = JSON.parse(line) as { readonly table?: string; readonly row?: Row };
    if (table === undefined || row === undefined) continue;
    if (table !== current || batch.length >= BATCH_ROWS) await write();
    current = table;
    batch.push(row);
  }
  await write();
  if (isSqlite(transaction)) return;
  // Ids were given, not drawn: the next must be new.
  await sql`select setval(pg_get_serial_sequence('timeline', 'id'), (select coalesce(max(id), 0) + 1 from timeline), false)`.execute(
    transaction,
  );
}

/** A device has 28 columns; SQLite takes 32,766 values in one statement. */
const BATCH_ROWS = 200;

interface Ending {
  readonly rows?: number;
  readonly sha256?: string;
}

async function checkBackup(file: string): Promise<{ readonly schema: number; readonly rows: number }> {
  try {
    await (await open(file)).close();
    return await readThrough(file);
  } catch (cause) {
    if (isSlipwayError(cause)) throw cause;
    throw invalid(file, messageOf(cause), cause);
  }
}

async function readThrough(file: string): Promise<{ readonly schema: number; readonly rows: number }> {
  const sum = createHash('sha256');
  let schema: number | undefined;
  let rows = 0;
  let ending: Ending | undefined;
  for await (const line of linesOf(file)) {
    const value = JSON.parse(line) as Ending & {
      readonly format?: string;
      readonly schema?: number;
      readonly table?: string;
    };
    if (ending !== undefined) throw invalid(file, 'it goes on after its end');
    if (schema === undefined) {
      if (value.format !== FORMAT || typeof value.schema !== 'number') throw invalid(file, 'it is none');
      if (value.schema > SCHEMA_VERSION)
        throw invalid(file, `it is of schema ${value.schema}, and this version knows ${SCHEMA_VERSION}`);
      schema = value.schema;
    } else if (value.table === undefined) {
      ending = value;
      continue;
    } else {
      if (!Object.hasOwn(TABLES, value.table)) throw invalid(file, `it has a table ${value.table}`);
      rows += 1;
    }
    sum.update(`${line}\n`);
  }
  const isWhole = ending?.rows === rows && ending.sha256 === sum.digest('hex');
  if (schema === undefined || !isWhole) throw invalid(file, 'it is damaged, or its end is missing');
  return { schema, rows };
}

function linesOf(file: string): AsyncIterable<string> {
  const unpacked = createGunzip();
  const done = pipeline(createReadStream(file), unpacked);
  const lines = createInterface({ input: unpacked });
  return (async function* () {
    // Without a listener a broken archive would end the process.
    done.catch(() => lines.close());
    yield* lines;
    await done;
  })();
}

function invalid(file: string, problem: string, cause?: unknown): SlipwayError {
  return new SlipwayError('FLEET_BACKUP_INVALID', `cannot restore ${file}: ${problem}`, {
    hint: 'give a file that slipway fleet backup wrote',
    cause,
  });
}
