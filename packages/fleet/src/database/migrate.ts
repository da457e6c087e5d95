import { SlipwayError } from '@slipway/core';
import { type Kysely, sql } from 'kysely';
import { isSqlite } from './is-sqlite.ts';
import { up as begin } from './migrations/0001-begin.ts';
import { up as rebootLocks } from './migrations/0002-reboot-locks.ts';
import { up as addProviderLogins } from './migrations/0003-provider-logins.ts';
import { up as addGitRepositories } from './migrations/0004-git-repositories.ts';
import { up as addWebhooks } from './migrations/0005-webhooks.ts';
import { up as addConfigSources } from './migrations/0006-config-sources.ts';
import { up as addOperations } from './migrations/0007-operations.ts';
import { up as addClientStates } from './migrations/0008-client-states.ts';
import { up as addSshCertificates } from './migrations/0009-ssh-certificates.ts';
import { up as addLargeFleets } from './migrations/0010-large-fleets.ts';
import { up as addDeviceVersions } from './migrations/0011-device-versions.ts';
import type { Tables } from './tables.ts';

type Migration = (database: Kysely<unknown>) => Promise<void>;

/** In order, for ever: what was released is never changed, only added to. */
const MIGRATIONS: readonly Migration[] = [
  begin,
  rebootLocks,
  addProviderLogins,
  addGitRepositories,
  addWebhooks,
  addConfigSources,
  addOperations,
  addClientStates,
  addSshCertificates,
  addLargeFleets,
  addDeviceVersions,
];

/** Any number nobody else uses in this database. */
const ADVISORY_LOCK = 7_354_291;

/** The schema this version writes. */
export const SCHEMA_VERSION: number = MIGRATIONS.length;

/**
 * Brings a database to the schema of this version, each step in a transaction of its own: a power cut leaves the step before, and the
 * next start goes on there. Replicas that start together wait for each other.
 *
 * @throws SlipwayError FLEET_DATABASE_NEWER
 */
export async function migrate(database: Kysely<Tables>, to: number = SCHEMA_VERSION): Promise<void> {
  const any = database as unknown as Kysely<unknown>;
  for (;;) {
    const isDone = await any.transaction().execute(async (transaction) => {
      const version = await lockVersion(transaction);
      if (version > SCHEMA_VERSION) throw newer(version);
      const next = MIGRATIONS[version];
      if (next === undefined || version >= to) return true;
      await next(transaction);
      await sql`update schema_version set version = ${version + 1}`.execute(transaction);
      return false;
    });
    if (isDone) return;
  }
}

/** The version of the schema, held until the transaction ends, so that whoever comes second sees what the first did. */
async function lockVersion(transaction: Kysely<unknown>): Promise<number> {
  // Two that make one table at once fail in PostgreSQL; SQLite has one writer at a time anyway.
  if (!isSqlite(transaction)) await sql`select pg_advisory_xact_lock(${ADVISORY_LOCK})`.execute(transaction);
  await sql`create table if not exists schema_version (version bigint not null)`.execute(transaction);
  await sql`insert into schema_version (version) select 0 where not exists (select 1 from schema_version)`.execute(
    transaction,
  );
  const { rows } = await sql<{ readonly version: number }>`select version from schema_version`.execute(
    transaction,
  );
  return rows[0]?.version ?? 0;
}

function newer(version: number): SlipwayError {
  return new SlipwayError(
    'FLEET_DATABASE_NEWER',
    `cannot use a database of schema ${version}: this version knows schemas up to ${SCHEMA_VERSION}`,
    {
      hint: 'start the version that wrote it, or restore a backup',
      details: { version, known: SCHEMA_VERSION },
    },
  );
}
