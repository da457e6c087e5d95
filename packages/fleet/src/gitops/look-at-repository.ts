import { isSlipwayError, messageOf } from '@slipway/core';
import type { GitProblem, GitRepositorySpec } from '@slipway/fleet-api';
import type { NewEvent } from '../events/event-hub.ts';
import type { LooseHandlers } from '../http/handler.ts';
import { resolveGrants } from '../identity/credentials.ts';
import type { Identity } from '../identity/identity.ts';
import type { Services } from '../server/services.ts';
import { GitReader } from './git-reader.ts';
import { parseResources, type ResourceDocument } from './parse-resources.ts';
import { DEFAULT_ROLE } from './repository-handlers.ts';
import { type ClaimedRepository, type GitOutcome, type LookedAt, ownedByOthers } from './repository-store.ts';
import { ResourceCalls } from './resource-calls.ts';
import { type SyncResult, syncRepository } from './sync-repository.ts';

const INTERVAL_SECONDS = 60;
/** More are wrong for one reason. */
const MAX_TOLD = 100;

/** What a repository has now, and whether it differs from what was applied last. */
interface Contents {
  readonly commit: string;
  readonly git: readonly ResourceDocument[];
  readonly problems: readonly GitProblem[];
}

/**
 * Looks at a repository once: what git has, what the server has, and what git had before; then makes the server what git says. Failures
 * are part of what is found.
 */
export async function lookAtRepository(
  services: Services,
  handlers: LooseHandlers,
  claimed: ClaimedRepository,
): Promise<LookedAt> {
  const { row, repository, applied } = claimed;
  const nowMs = services.clock.nowMs();
  const nextMs = nowMs + (repository.spec.intervalSeconds ?? INTERVAL_SECONDS) * 1000;
  const found = await contentsOf(services, claimed);
  if ('failure' in found || found.problems.length > 0) {
    const problems =
      'failure' in found ? [{ file: null, line: null, message: found.failure }] : found.problems;
    const commit = 'failure' in found ? claimed.outcome.commit : found.commit;
    const outcome = { ...claimed.outcome, ...failure(problems), commit, checkedAt: timeOf(nowMs) };
    return { appliedCommit: null, applied, outcome, nextMs, events: eventsOf(claimed, outcome, 0) };
  }
  const { commit, git } = found;
  const from = `${repository.spec.url}@${commit}`;
  const result = await syncRepository({
    git,
    lastApplied: applied,
    spec: repository.spec,
    organisation: row.organisation,
    queries: services.database.reads,
    calls: new ResourceCalls(services, handlers, await identityOf(services, claimed), from),
  });
  const made = result.changes.filter(({ heldBack }) => heldBack === null).length;
  const outcome = outcomeOf(claimed.outcome, found, result, nowMs);
  return {
    appliedCommit: result.problems.length === 0 ? commit : null,
    applied: result.applied,
    outcome,
    nextMs,
    events: eventsOf(claimed, outcome, made),
  };
}

async function contentsOf(
  services: Services,
  { row, repository, applied }: ClaimedRepository,
): Promise<Contents | { readonly failure: string }> {
  try {
    await using reader = await GitReader.open(repository.spec, row.token, services.outbound, services.ending);
    const head = await reader.head();
    if (head === row.applied_commit) return { commit: head, git: applied, problems: [] };
    const { commit, files } = await reader.files();
    const { resources, problems } = parseResources(files);
    const others = await ownedByOthers(services.database.reads, row);
    const told = [
      ...problems.map(({ file, line, message }) => ({ file, line, message })),
      ...resources.flatMap(({ file, line, resource }) => {
        const name = `${resource.kind}/${resource.metadata.name}`;
        const owner = others.get(name);
        return owner === undefined ? [] : [{ file, line, message: `${name} is in ${owner}, too` }];
      }),
      ...emptied(repository.spec, resources.length, applied.length),
    ];
    return { commit, git: resources.map(({ resource }) => resource), problems: told };
  } catch (error) {
    if (!isSlipwayError(error)) throw error;
    return { failure: messageOf(error) };
  }
}

/** Somebody moved a folder, or named a wrong one; nobody means to delete all of a fleet that way. */
function emptied(spec: GitRepositorySpec, count: number, before: number): readonly GitProblem[] {
  if (count > 0 || before === 0 || spec.prune === false) return [];
  return [{ file: null, line: null, message: 'there is no resource any more: nothing is deleted' }];
}

/** What the repository may, which is what its role says now: less when the role was narrowed, nothing when it is gone. */
async function identityOf(services: Services, { row, repository }: ClaimedRepository): Promise<Identity> {
  const grants = [{ role: repository.spec.role ?? DEFAULT_ROLE }];
  return {
    organisation: row.organisation,
    actor: `git:${row.name}`,
    user: '',
    displayName: row.name,
    systemAdmin: false,
    grants: await resolveGrants(services.database.reads, row.organisation, grants),
    csrf: null,
    credentialHash: '',
    expiresMs: null,
  };
}

function failure(problems: readonly GitProblem[]): Pick<GitOutcome, 'state' | 'problems'> {
  return { state: 'failed', problems: problems.slice(0, MAX_TOLD) };
}

function outcomeOf(
  before: GitOutcome,
  { commit, git }: Contents,
  { changes, problems }: SyncResult,
  nowMs: number,
): GitOutcome {
  const isDrifted = changes.some(({ heldBack }) => heldBack !== null);
  const isChanged = changes.some(({ heldBack }) => heldBack === null);
  return {
    ...(problems.length > 0
      ? failure(problems)
      : { state: isDrifted ? ('drifted' as const) : ('applied' as const), problems: [] }),
    commit,
    checkedAt: timeOf(nowMs),
    changedAt: isChanged ? timeOf(nowMs) : before.changedAt,
    resources: git.length,
    changes: (isChanged || isDrifted
      ? changes
      : before.changes.filter(({ heldBack }) => heldBack === null)
    ).slice(0, MAX_TOLD),
  };
}

/** A look that finds everything as it was is no event. */
function eventsOf(
  { row, outcome: before }: ClaimedRepository,
  now: GitOutcome,
  made: number,
): readonly NewEvent[] {
  const isSame =
    now.state === before.state &&
    now.commit === before.commit &&
    JSON.stringify(now.problems) === JSON.stringify(before.problems);
  if (isSame && made === 0) return [];
  const why = now.problems[0] === undefined ? '' : `: ${now.problems[0].message}`;
  const message = `git repository ${row.name} is ${now.state} at ${now.commit?.slice(0, 12) ?? 'no commit'}, ${made} changes${why}`;
  const { organisation, name } = row;
  return [{ organisation, kind: 'GitRepository', name, what: 'changed', message, fleet: null }];
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
