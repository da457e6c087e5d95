import type { GitRepositorySpec, GitRepositoryStatus } from '@slipway/fleet-api';
import { hurrySources } from '../configuration/source-store.ts';
import type { FleetDatabase, Queries } from '../database/database.ts';
import type { GitRepositoryRow } from '../database/tables.ts';
import { type NewEvent, recordEvents } from '../events/event-hub.ts';
import { findResource, type StoredResource } from '../resources/resource-store.ts';
import type { ResourceDocument } from './parse-resources.ts';

/** What a look at a repository found. */
export type GitOutcome = Omit<GitRepositoryStatus, 'hasToken'>;

export const NOT_LOOKED_AT: GitOutcome = {
  state: 'waiting',
  commit: null,
  checkedAt: null,
  changedAt: null,
  resources: 0,
  problems: [],
  changes: [],
};

/** Longer than a look may take: one that a power cut ended is done again after this. */
const CLAIM_MS = 300_000;

/** A repository whose turn it is, and who looks at it. */
export interface ClaimedRepository {
  readonly row: GitRepositoryRow;
  readonly repository: StoredResource<GitRepositorySpec>;
  readonly applied: readonly ResourceDocument[];
  readonly outcome: GitOutcome;
}

export async function repositoryRow(
  queries: Queries,
  organisation: string,
  name: string,
): Promise<GitRepositoryRow | undefined> {
  return await queries
    .selectFrom('git_repositories')
    .selectAll()
    .where('organisation', '=', organisation)
    .where('name', '=', name)
    .executeTakeFirst();
}

/** Repositories whose time has come. */
export async function dueRepositories(
  queries: Queries,
  nowMs: number,
  limit: number,
): Promise<readonly GitRepositoryRow[]> {
  return await queries
    .selectFrom('git_repositories')
    .selectAll()
    .where('next_ms', '<=', nowMs)
    .orderBy('next_ms')
    .limit(limit)
    .execute();
}

/** Takes a look for oneself; undefined when another replica, or a person, was first. */
export async function claimRepository(
  database: FleetDatabase,
  { organisation, name, next_ms }: GitRepositoryRow,
  nowMs: number,
): Promise<ClaimedRepository | undefined> {
  return await database.transact(async (transaction) => {
    const row = await transaction
      .updateTable('git_repositories')
      .set({ next_ms: nowMs + CLAIM_MS })
      .where('organisation', '=', organisation)
      .where('name', '=', name)
      .where('next_ms', '=', next_ms)
      .returningAll()
      .executeTakeFirst();
    if (row === undefined) return undefined;
    const repository = await findResource<GitRepositorySpec>(
      transaction,
      organisation,
      'GitRepository',
      name,
    );
    if (repository === undefined) return undefined;
    return {
      row,
      repository,
      applied: JSON.parse(row.applied) as ResourceDocument[],
      outcome: JSON.parse(row.outcome) as GitOutcome,
    };
  });
}

/** What is known after a look. */
export interface LookedAt {
  readonly appliedCommit: string | null;
  readonly applied: readonly ResourceDocument[];
  readonly outcome: GitOutcome;
  readonly nextMs: number;
  readonly events: readonly NewEvent[];
}

/**
 * Keeps what a look found. Where somebody changed the repository, or asked for another look, in the meantime, that look comes at once
 * and begins with what git has; what was applied is kept all the same, so that a later look knows what was git's.
 */
export async function saveLook(
  database: FleetDatabase,
  { row, outcome: before }: ClaimedRepository,
  { appliedCommit, applied, outcome, nextMs, events }: LookedAt,
  nowMs: number,
): Promise<void> {
  await database.transact(async (transaction) => {
    const now = await repositoryRow(transaction, row.organisation, row.name);
    const isUndisturbed = now?.next_ms === row.next_ms;
    await transaction
      .updateTable('git_repositories')
      .set({
        applied: JSON.stringify(applied),
        outcome: JSON.stringify(outcome),
        ...(isUndisturbed ? { applied_commit: appliedCommit, next_ms: nextMs } : {}),
      })
      .where('organisation', '=', row.organisation)
      .where('name', '=', row.name)
      .execute();
    if (outcome.commit !== before.commit) await hurrySources(transaction, row.organisation, row.name);
    await recordEvents(transaction, events, nowMs);
  });
}

/** Resources other repositories of the organisation brought, and which: two that want one thing differently would never rest. */
export async function ownedByOthers(
  queries: Queries,
  { organisation, name }: GitRepositoryRow,
): Promise<ReadonlyMap<string, string>> {
  const rows = await queries
    .selectFrom('git_repositories')
    .select(['name', 'applied'])
    .where('organisation', '=', organisation)
    .where('name', '!=', name)
    .execute();
  return new Map(
    rows.flatMap((row) =>
      (JSON.parse(row.applied) as ResourceDocument[]).map(({ kind, metadata }): [string, string] => [
        `${kind}/${metadata.name}`,
        row.name,
      ]),
    ),
  );
}
