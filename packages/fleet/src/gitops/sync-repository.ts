import { isSlipwayError, messageOf } from '@slipway/core';
import type { FleetSpec, GitChange, GitProblem, GitRepositorySpec } from '@slipway/fleet-api';
import type { Queries } from '../database/database.ts';
import { diffResources, mergedResource, type ResourceChange } from './diff-resources.ts';
import type { ResourceDocument } from './parse-resources.ts';
import type { ResourceCalls, ServerResource } from './resource-calls.ts';

/** What git wants, and what is known. */
export interface SyncInput {
  readonly git: readonly ResourceDocument[];
  readonly lastApplied: readonly ResourceDocument[];
  readonly spec: GitRepositorySpec;
  readonly organisation: string;
  readonly queries: Queries;
  readonly calls: ResourceCalls;
}

export interface SyncResult {
  /** What was git's the last time it got its way, for the next comparison. */
  readonly applied: readonly ResourceDocument[];
  readonly changes: readonly GitChange[];
  readonly problems: readonly GitProblem[];
}

/** In the order in which they can be made; they are deleted in the other. */
const ORDER: readonly string[] = ['Role', 'Policy', 'Release', 'Fleet', 'Device'];
const MAX_FIELDS = 20;

/**
 * Makes the server what git says, resource by resource, each in a transaction of its own with its record in the audit log. A power cut
 * leaves some of them made; the next look finds those as git wants them, and makes the others.
 */
export async function syncRepository(input: SyncInput): Promise<SyncResult> {
  const { git, lastApplied, calls } = input;
  const [wanted, before] = [byKey(git), byKey(lastApplied)];
  const present = new Map<string, ServerResource>();
  for (const [key, { kind, metadata }] of [...wanted, ...before]) {
    const found = await calls.get(kind, metadata.name);
    if (found !== undefined) present.set(key, found);
  }
  const differences = diffResources({ git, server: [...present.values()], lastApplied });
  const applied = new Map(before);
  const changes: GitChange[] = [];
  const problems: GitProblem[] = [];
  for (const difference of inOrder(differences)) {
    const key = `${difference.kind}/${difference.name}`;
    const sides = { wanted: wanted.get(key), present: present.get(key), before: before.get(key) };
    try {
      const heldBack = holdBack(input.spec, difference, sides);
      const kept = heldBack === null ? await rolledBack(input, difference) : null;
      if (heldBack === null) await make(calls, difference, sides, kept !== null);
      if (difference.action !== 'unchanged') changes.push(toldOf(difference, sides, heldBack ?? kept));
    } catch (error) {
      if (!isSlipwayError(error)) throw error;
      problems.push({ file: null, line: null, message: `${key}: ${messageOf(error)}` });
      continue;
    }
    if (sides.wanted === undefined) applied.delete(key);
    else applied.set(key, sides.wanted);
  }
  // What git had once and the server has no longer is no difference, and no business of git any more.
  for (const key of before.keys()) if (!wanted.has(key) && !present.has(key)) applied.delete(key);
  return { applied: [...applied.values()], changes, problems };
}

interface Triple {
  readonly wanted: ResourceDocument | undefined;
  readonly present: ServerResource | undefined;
  readonly before: ResourceDocument | undefined;
}

function byKey(documents: readonly ResourceDocument[]): ReadonlyMap<string, ResourceDocument> {
  return new Map(documents.map((each) => [`${each.kind}/${each.metadata.name}`, each]));
}

function inOrder(changes: readonly ResourceChange[]): readonly ResourceChange[] {
  const place = ({ kind, action }: ResourceChange): number => {
    const rank = ORDER.indexOf(kind);
    return action === 'delete' ? 2 * ORDER.length - rank : rank;
  };
  return changes.toSorted((a, b) => place(a) - place(b));
}

function isDrift({ action, changes }: ResourceChange, { before }: Triple): boolean {
  if (before === undefined) return false;
  if (action === 'create') return true;
  return action === 'update' && changes.every((change) => change.isDrift);
}

/** Why a difference stays for now; null: it does not. */
function holdBack(spec: GitRepositorySpec, difference: ResourceChange, sides: Triple): string | null {
  if (difference.action === 'delete') {
    if (difference.kind === 'Device') return 'a device is decommissioned by a person';
    return spec.prune === false ? 'prune is false' : null;
  }
  return spec.drift === 'report' && isDrift(difference, sides) ? 'drift is only reported' : null;
}

const RELEASE = 'spec.release';

/**
 * Why a fleet keeps its release although git names another: somebody brought it back from that one in need. It goes on with the next
 * that git names.
 */
async function rolledBack(
  { organisation, queries }: SyncInput,
  { kind, name, changes }: ResourceChange,
): Promise<string | null> {
  const change = changes.find(({ path }) => path === RELEASE);
  if (kind !== 'Fleet' || change?.isDrift !== true) return null;
  const last = await queries
    .selectFrom('rollouts')
    .select(['name', 'release', 'state'])
    .where('organisation', '=', organisation)
    .where('fleet', '=', name)
    .orderBy('created_ms', 'desc')
    .limit(1)
    .executeTakeFirst();
  const isBack = last?.state === 'rolling-back' || last?.state === 'rolled-back';
  return isBack && last.release === change.to
    ? `the rollout ${last.name} of ${last.release} was rolled back`
    : null;
}

/** @param keepsRelease the fleet stays at the release it has */
async function make(
  calls: ResourceCalls,
  { action, kind, name, changes }: ResourceChange,
  { wanted, present, before }: Triple,
  keepsRelease: boolean,
): Promise<void> {
  if (action === 'create' && wanted !== undefined) await calls.put(wanted, undefined);
  if (present === undefined) return;
  if (action === 'delete') await calls.delete(kind as 'Fleet', name, present.metadata.revision);
  if (action !== 'update' || wanted === undefined) return;
  if (keepsRelease && changes.every(({ path }) => path === RELEASE)) return;
  const merged = mergedResource(wanted, present, before);
  await calls.put(keepsRelease ? withReleaseOf(present, merged) : merged, present.metadata.revision);
}

function withReleaseOf({ spec }: ServerResource, fleet: ResourceDocument): ResourceDocument {
  const { release } = spec as FleetSpec;
  const { release: _, ...rest } = fleet.spec as FleetSpec;
  return { ...fleet, spec: release === undefined ? rest : { ...rest, release } } as ResourceDocument;
}

function toldOf(difference: ResourceChange, sides: Triple, heldBack: string | null): GitChange {
  const { kind, name, action, changes } = difference;
  return {
    kind,
    name,
    action: action === 'unchanged' ? 'update' : action,
    fields: changes.slice(0, MAX_FIELDS).map(({ path }) => path),
    isDrift: isDrift(difference, sides),
    heldBack,
  };
}
