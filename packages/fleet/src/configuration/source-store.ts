import { hash } from 'node:crypto';
import type { FleetSpec } from '@slipway/fleet-api';
import type { FleetDatabase, Queries } from '../database/database.ts';
import type { ConfigSourceRow } from '../database/tables.ts';
import { type NewEvent, recordEvents } from '../events/event-hub.ts';
import { type ConfigSource, entryOf, isInline, keyOf } from './config-source.ts';

/** Different sources of one fleet: placeholders could make as many as there are devices. */
export const MAX_SOURCES = 1000;
/** Longer than a look may take: one that a power cut ended is done again after this. */
const CLAIM_MS = 300_000;

/** What is known of a source, without what is in it. */
export type SourceState = Pick<ConfigSourceRow, 'digest' | 'problem'>;

/** The sources of a fleet, and a tag that changes when any of them does. */
export interface FleetSources {
  readonly states: ReadonlyMap<string, SourceState>;
  readonly tag: string;
}

/** What a fleet has that takes everything from itself. */
const NO_SOURCES: FleetSources = { states: new Map(), tag: '' };

export async function sourcesOfFleet(
  queries: Queries,
  organisation: string,
  fleet: string,
  { config }: FleetSpec,
): Promise<FleetSources> {
  if (config === undefined || config.every(isInline)) return NO_SOURCES;
  const rows = await queries
    .selectFrom('config_sources')
    .select(['key', 'digest', 'problem'])
    .where('organisation', '=', organisation)
    .where('fleet', '=', fleet)
    .orderBy('key')
    .execute();
  const states = new Map(rows.map(({ key, ...state }) => [key, state]));
  return { states, tag: hash('sha256', JSON.stringify(rows), 'hex').slice(0, 16) };
}

/** A source as an entry of a fleet names it. */
export interface NamedSource {
  readonly source: ConfigSource;
  readonly entry: string;
}

/** Sources somebody needs for the first time are looked at at once. */
export async function addSources(
  database: FleetDatabase,
  organisation: string,
  fleet: string,
  named: readonly NamedSource[],
): Promise<void> {
  const rows = named.map(({ source, entry }) => ({
    organisation,
    fleet,
    key: keyOf(source),
    entry,
    source: JSON.stringify(source),
    repository: source.kind === 'git' ? source.repository : null,
    content: null,
    digest: null,
    version: null,
    problem: null,
    next_ms: 0,
  }));
  await database.transact(
    async (transaction) =>
      await transaction
        .insertInto('config_sources')
        .values(rows)
        .onConflict((conflict) => conflict.columns(['organisation', 'fleet', 'key']).doNothing())
        .execute(),
  );
}

/** After a fleet was said anew: sources it no longer has are forgotten, the others looked at at once. */
export async function keepSources(
  queries: Queries,
  organisation: string,
  fleet: string,
  { config = [] }: Pick<FleetSpec, 'config'>,
): Promise<void> {
  const entries = config.filter((file) => !isInline(file)).map(entryOf);
  let gone = queries
    .deleteFrom('config_sources')
    .where('organisation', '=', organisation)
    .where('fleet', '=', fleet);
  if (entries.length > 0) gone = gone.where('entry', 'not in', entries);
  await gone.execute();
  await queries
    .updateTable('config_sources')
    .set({ next_ms: 0 })
    .where('organisation', '=', organisation)
    .where('fleet', '=', fleet)
    .execute();
}

/** A repository has another commit: what is taken from it is looked at at once. */
export async function hurrySources(
  queries: Queries,
  organisation: string,
  repository: string,
): Promise<void> {
  await queries
    .updateTable('config_sources')
    .set({ next_ms: 0 })
    .where('organisation', '=', organisation)
    .where('repository', '=', repository)
    .execute();
}

/** What is in sources that were had, by key. */
export async function contentsOf(
  queries: Queries,
  organisation: string,
  fleet: string,
  keys: readonly string[],
): Promise<ReadonlyMap<string, Buffer>> {
  if (keys.length === 0) return new Map();
  const rows = await queries
    .selectFrom('config_sources')
    .select(['key', 'content'])
    .where('organisation', '=', organisation)
    .where('fleet', '=', fleet)
    .where('key', 'in', keys)
    .execute();
  return new Map(
    rows.flatMap(({ key, content }): [string, Buffer][] =>
      content === null ? [] : [[key, Buffer.from(content, 'base64')]],
    ),
  );
}

/** Sources whose time has come. */
export async function dueSources(
  queries: Queries,
  nowMs: number,
  limit: number,
): Promise<readonly Pick<ConfigSourceRow, 'organisation' | 'fleet' | 'key' | 'repository' | 'next_ms'>[]> {
  return await queries
    .selectFrom('config_sources')
    .select(['organisation', 'fleet', 'key', 'repository', 'next_ms'])
    .where('next_ms', '<=', nowMs)
    .orderBy('next_ms')
    .limit(limit)
    .execute();
}

/**
 * Takes a look for oneself: of a source, or of all that are due in its repository, which is read once for all of them. None: another
 * replica, or a person, was first.
 */
export async function claimSources(
  database: FleetDatabase,
  { organisation, fleet, key, repository }: Awaited<ReturnType<typeof dueSources>>[number],
  nowMs: number,
): Promise<readonly ConfigSourceRow[]> {
  return await database.transact(async (transaction) => {
    const claim = transaction
      .updateTable('config_sources')
      .set({ next_ms: nowMs + CLAIM_MS })
      .where('organisation', '=', organisation)
      .where('next_ms', '<=', nowMs);
    const one =
      repository === null
        ? claim.where('fleet', '=', fleet).where('key', '=', key)
        : claim.where('repository', '=', repository);
    return await one.returningAll().execute();
  });
}

/** What a look found: what is to be kept of the source, and when it is looked at next. */
export interface SourceLook {
  readonly row: ConfigSourceRow;
  readonly kept: Pick<ConfigSourceRow, 'content' | 'digest' | 'version' | 'problem'>;
  readonly nextMs: number;
}

/**
 * Keeps what looks found, and tells of what changed, in one transaction: a power cut before leaves what was known, and another look
 * after a while. One that was asked for in the meantime still comes.
 */
export async function saveLooks(
  database: FleetDatabase,
  looks: readonly SourceLook[],
  describe: (look: SourceLook) => string,
  nowMs: number,
): Promise<void> {
  await database.transact(async (transaction) => {
    const events: NewEvent[] = [];
    for (const look of looks) {
      const { row, kept, nextMs } = look;
      const same = transaction
        .updateTable('config_sources')
        .where('organisation', '=', row.organisation)
        .where('fleet', '=', row.fleet)
        .where('key', '=', row.key);
      await same.set(kept).execute();
      await same.where('next_ms', '=', row.next_ms).set({ next_ms: nextMs }).execute();
      if (kept.digest === row.digest && kept.problem === row.problem) continue;
      const { organisation, fleet } = row;
      events.push({
        organisation,
        kind: 'Fleet',
        name: fleet,
        what: 'changed',
        message: describe(look),
        fleet,
      });
    }
    await recordEvents(transaction, events, nowMs);
  });
}
