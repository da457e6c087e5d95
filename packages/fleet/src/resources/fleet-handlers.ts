import { SlipwayError } from '@slipway/core';
import {
  type DeviceCounts,
  type Fleet,
  type FleetCalls,
  type FleetSpec,
  type Policy,
  type PolicySpec,
  type Release,
  type ReleaseGraph,
  type ReleaseSpec,
} from '@slipway/fleet-api';
import { forgetLocks } from '../compat/lock-store.ts';
import { entryOf } from '../configuration/config-source.ts';
import { keepSources } from '../configuration/source-store.ts';
import { countByFleet, countDevices, NO_DEVICES } from '../devices/device-counts.ts';
import { assignFleets } from '../devices/membership.ts';
import type { CallContext, Handlers } from '../http/handler.ts';
import { forbidden, invalid } from '../http/problem.ts';
import { reachesFleet, scopeOf } from '../identity/identity.ts';
import { isOfOrganisation } from '../registry/payload-files.ts';
import { startRollout } from '../rollouts/release-fleet.ts';
import { resourceHandlers } from './resource-handlers.ts';
import { allResources, findResource, header, type StoredResource } from './resource-store.ts';

const fleets = resourceHandlers<'Fleet', FleetSpec, Fleet>({
  kind: 'Fleet',
  noun: 'fleet',
  reaches: ({ scope }, name) => reachesFleet(scope, name),
  present: async (stored, context) =>
    await presentFleet(stored, context, await countDevices(context, stored.metadata.name)),
  presentAll: async (all, context) => {
    const counts = await countByFleet(context);
    return await Promise.all(
      all.map((each) => presentFleet(each, context, counts.get(each.metadata.name) ?? NO_DEVICES)),
    );
  },
  saved: async (context, after, before) => {
    await checkFleet(context, after.spec);
    checkSources(context, after.spec, before?.spec);
    await keepSources(context.queries, context.identity.organisation, after.metadata.name, after.spec);
    await assignFleets(context.queries, context.identity.organisation, after, before, context.nowMs);
    context.services.fleets.forget();
    const { release } = after.spec;
    if (release === undefined || release === before?.spec.release) return;
    const row = await startRollout(context, after, before?.spec.release ?? null, { release });
    const message = `rollout ${row.name} begins`;
    context.announce({ kind: 'Rollout', name: row.name, what: 'created', message, fleet: row.fleet });
  },
  removed: async (context, before) => {
    const without = { ...before, spec: { selector: NOTHING } };
    await assignFleets(context.queries, context.identity.organisation, without, before, context.nowMs, true);
    await keepSources(context.queries, context.identity.organisation, before.metadata.name, {});
    await forgetLocks(context.queries, context.identity.organisation, before.metadata.name);
    context.services.fleets.forget();
  },
});

async function presentFleet(
  stored: StoredResource<FleetSpec>,
  context: CallContext,
  devices: DeviceCounts,
): Promise<Fleet> {
  const rollout = await lastRollout(context, stored.metadata.name);
  return { ...header('Fleet'), ...stored, status: { devices, rollout } };
}

/** Selects no device: no label both is there and is not. */
const NOTHING = 'slipway,!slipway';

async function checkFleet({ queries, identity }: CallContext, spec: FleetSpec): Promise<void> {
  const { organisation } = identity;
  if (
    spec.release !== undefined &&
    (await findResource(queries, organisation, 'Release', spec.release)) === undefined
  ) {
    throw invalid(`cannot bring a fleet to the release ${spec.release}: there is none of that name`);
  }
  if (
    typeof spec.policy === 'string' &&
    (await findResource(queries, organisation, 'Policy', spec.policy)) === undefined
  ) {
    throw invalid(`cannot use the policy ${spec.policy}: there is none of that name`);
  }
}

/**
 * Whoever reads files of a git repository by way of a fleet must be one who may read git. Those a fleet had before stay: they do not
 * bring anything new.
 */
function checkSources({ identity }: CallContext, { config }: FleetSpec, before: FleetSpec | undefined): void {
  const known = new Set(before?.config?.map(entryOf));
  const added = config?.find((file) => file.git !== undefined && !known.has(entryOf(file)))?.git;
  if (added === undefined || scopeOf(identity, 'git:read').kind === 'all') return;
  throw forbidden(`to use files of ${added.repository} it needs the permission git:read for all fleets`);
}

async function lastRollout({ queries, identity }: CallContext, fleet: string): Promise<string | null> {
  const row = await queries
    .selectFrom('rollouts')
    .select('name')
    .where('organisation', '=', identity.organisation)
    .where('fleet', '=', fleet)
    .orderBy('created_ms', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row?.name ?? null;
}

const releases = resourceHandlers<'Release', ReleaseSpec, Release>({
  kind: 'Release',
  noun: 'release',
  present: async (stored, context) => {
    const { name } = stored.metadata;
    const devices = (await countByRelease(context, name)).get(name) ?? 0;
    return { ...header('Release'), ...stored, status: { devices, fleets: await fleetsOf(context, name) } };
  },
  presentAll: async (all, context) => {
    const devices = await countByRelease(context);
    const fleetsByRelease = Map.groupBy(
      await allResources<FleetSpec>(context.queries, context.identity.organisation, 'Fleet'),
      ({ spec }) => spec.release,
    );
    return all.map((stored) => {
      const { name } = stored.metadata;
      const names = (fleetsByRelease.get(name) ?? []).map(({ metadata }) => metadata.name);
      return { ...header('Release'), ...stored, status: { devices: devices.get(name) ?? 0, fleets: names } };
    });
  },
  saved: async (context, { metadata, spec }) => {
    checkPayloads(context, spec);
    await indexDigests(context, metadata.name, spec);
  },
  removed: async (context, { metadata }) => {
    const users = await fleetsOf(context, metadata.name);
    if (users.length > 0) throw inUse('release', metadata.name, users);
    await indexDigests(context, metadata.name, undefined);
  },
});

const policies = resourceHandlers<'Policy', PolicySpec, Policy>({
  kind: 'Policy',
  noun: 'policy',
  present: async (stored, context) => ({
    ...header('Policy'),
    ...stored,
    status: { fleets: await fleetsWhere(context, ({ policy }) => policy === stored.metadata.name) },
  }),
  removed: async (context, { metadata }) => {
    const users = await fleetsWhere(context, ({ policy }) => policy === metadata.name);
    if (users.length > 0) throw inUse('policy', metadata.name, users);
  },
});

function inUse(noun: string, name: string, fleetNames: readonly string[]): SlipwayError {
  return new SlipwayError('FLEET_CONFLICT', `cannot delete the ${noun} ${name}: fleets use it`, {
    hint: `give them another first: ${fleetNames.slice(0, 5).join(', ')}`,
  });
}

/** Devices by what they run, of one release or of all. */
async function countByRelease(
  { queries, identity }: CallContext,
  release?: string,
): Promise<ReadonlyMap<string | null, number>> {
  let query = queries
    .selectFrom('devices')
    .select((select) => ['release', select.fn.countAll<number>().as('count')])
    .where('organisation', '=', identity.organisation)
    .where('lifecycle', '=', 'enrolled')
    .groupBy('release');
  if (release !== undefined) query = query.where('release', '=', release);
  return new Map((await query.execute()).map((row) => [row.release, row.count]));
}

async function fleetsOf(context: CallContext, name: string): Promise<readonly string[]> {
  return await fleetsWhere(context, ({ release }) => release === name);
}

async function fleetsWhere(
  { queries, identity }: CallContext,
  uses: (spec: FleetSpec) => boolean,
): Promise<readonly string[]> {
  const all = await allResources<FleetSpec>(queries, identity.organisation, 'Fleet');
  return all.filter(({ spec }) => uses(spec)).map(({ metadata }) => metadata.name);
}

/** The file need not be there yet: git may bring the release before a build has pushed it. */
function checkPayloads({ identity: { organisation } }: CallContext, { images }: ReleaseSpec): void {
  for (const { payload } of images) {
    if (payload === undefined || 'url' in payload || isOfOrganisation(payload.artifact, organisation))
      continue;
    throw invalid(
      `cannot use the payload ${payload.artifact}: repositories of this organisation begin with ${organisation}/`,
    );
  }
}

/** Devices are known to run a release by any of its digests. */
async function indexDigests(
  context: CallContext,
  release: string,
  spec: ReleaseSpec | undefined,
): Promise<void> {
  const { queries, identity } = context;
  const { organisation } = identity;
  const digests = [...new Set(spec?.images.flatMap((image) => image.digests) ?? [])];
  const taken =
    digests.length === 0
      ? undefined
      : await queries
          .selectFrom('release_digests')
          .selectAll()
          .where('organisation', '=', organisation)
          .where('digest', 'in', digests)
          .where('release', '!=', release)
          .executeTakeFirst();
  if (taken !== undefined) {
    throw new SlipwayError(
      'FLEET_CONFLICT',
      `cannot make ${taken.digest} part of ${release}: it is one of the release ${taken.release}`,
      {
        hint: 'a digest belongs to one release; delete the other, or leave the digest out',
      },
    );
  }
  await queries
    .updateTable('devices')
    .set({ release: null })
    .where('organisation', '=', organisation)
    .where('release', '=', release)
    .execute();
  await queries
    .deleteFrom('release_digests')
    .where('organisation', '=', organisation)
    .where('release', '=', release)
    .execute();
  if (digests.length === 0) return;
  await queries
    .insertInto('release_digests')
    .values(digests.map((digest) => ({ organisation, digest, release })))
    .execute();
  await queries
    .updateTable('devices')
    .set({ release })
    .where('organisation', '=', organisation)
    .where('booted_digest', 'in', digests)
    .execute();
}

/** Releases of a stream in the order of their versions; from each a step leads to the later ones up to the next barrier. */
async function graph(context: CallContext, stream: string): Promise<ReleaseGraph> {
  const all = await allResources<ReleaseSpec>(context.queries, context.identity.organisation, 'Release');
  const ordered = all
    .filter(({ spec }) => (spec.stream ?? 'stable') === stream)
    .toSorted((a, b) => a.spec.version.localeCompare(b.spec.version, 'en', { numeric: true }));
  const devices = await countByRelease(context);
  const nodes = ordered.map(({ metadata, spec }) => ({
    release: metadata.name,
    version: spec.version,
    barrier: spec.barrier?.reason ?? null,
    deadEnd: spec.deadEnd?.reason ?? null,
    withdrawn: spec.withdrawn?.reason ?? null,
    devices: devices.get(metadata.name) ?? 0,
  }));
  return { stream, nodes, edges: edgesOf(ordered) };
}

function edgesOf(ordered: readonly StoredResource<ReleaseSpec>[]): ReleaseGraph['edges'] {
  return ordered.flatMap((from, index) => {
    if (from.spec.deadEnd !== undefined) return [];
    const later = ordered.slice(index + 1);
    const barrier = later.findIndex(({ spec }) => spec.barrier !== undefined && spec.withdrawn === undefined);
    const reachable = barrier < 0 ? later : later.slice(0, barrier + 1);
    return reachable
      .filter(({ spec }) => spec.withdrawn === undefined)
      .map((to) => ({
        from: from.metadata.name,
        to: to.metadata.name,
        risks: (to.spec.risks ?? [])
          .filter((risk) => risk.from?.includes(from.metadata.name) ?? true)
          .map(({ name }) => name),
      }));
  });
}

export const FLEET_HANDLERS: Handlers<FleetCalls> = {
  'fleets.list': fleets.list,
  'fleets.get': fleets.get,
  'fleets.put': fleets.put,
  'fleets.delete': fleets.delete,
  'releases.list': releases.list,
  'releases.get': releases.get,
  'releases.put': releases.put,
  'releases.delete': releases.delete,
  'releases.graph': async ({ query, context }) => ({ body: await graph(context, query.stream ?? 'stable') }),
  'policies.list': policies.list,
  'policies.get': policies.get,
  'policies.put': policies.put,
  'policies.delete': policies.delete,
};
