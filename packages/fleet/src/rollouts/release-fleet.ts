import { API_VERSION, type FleetSpec, type PolicySpec } from '@slipway/fleet-api';
import type { Queries } from '../database/database.ts';
import type { RolloutRow } from '../database/tables.ts';
import type { CallContext } from '../http/handler.ts';
import { findResource, type StoredResource, saveResource } from '../resources/resource-store.ts';
import { checkPolicy } from '../rollout/check-policy.ts';
import { enginePolicy } from './engine-policy.ts';
import { beginRollout } from './rollout-store.ts';

/** Without a policy devices are updated one after another, and the first failure stops it. */
const CAREFUL: PolicySpec = { maxConcurrent: { count: 1 }, errorThreshold: { count: 1, action: 'halt' } };

/** The policy of a fleet as it is now. */
export async function policyOf(
  queries: Queries,
  organisation: string,
  { policy }: FleetSpec,
): Promise<PolicySpec> {
  if (policy === undefined) return CAREFUL;
  if (typeof policy !== 'string') return policy;
  const named = await findResource<PolicySpec>(queries, organisation, 'Policy', policy);
  return named?.spec ?? CAREFUL;
}

export interface ReleaseAsk {
  readonly release: string;
  readonly name?: string;
  readonly policy?: PolicySpec;
  readonly startAt?: string;
}

/** Makes a fleet want a release, and begins the rollout that brings it there. */
export async function releaseFleet(
  context: CallContext,
  fleet: StoredResource<FleetSpec>,
  ask: ReleaseAsk,
): Promise<RolloutRow> {
  const { queries, identity, nowMs, services } = context;
  const { organisation } = identity;
  const { name, labels } = fleet.metadata;
  const spec: FleetSpec = { ...fleet.spec, release: ask.release };
  await saveResource(
    queries,
    organisation,
    { apiVersion: API_VERSION, kind: 'Fleet', metadata: { name, labels }, spec },
    nowMs,
  );
  services.fleets.forget();
  return await startRollout(context, { ...fleet, spec }, fleet.spec.release ?? null, ask);
}

/** Begins the rollout of a fleet whose release has just been changed. */
export async function startRollout(
  { queries, identity, nowMs }: CallContext,
  fleet: StoredResource<FleetSpec>,
  previousRelease: string | null,
  ask: ReleaseAsk,
): Promise<RolloutRow> {
  const { organisation } = identity;
  const { name } = fleet.metadata;
  const policy = ask.policy ?? (await policyOf(queries, organisation, fleet.spec));
  checkPolicy(enginePolicy(policy));
  await queries
    .updateTable('devices')
    .set({ desired_release: ask.release, updated_ms: nowMs })
    .where('organisation', '=', organisation)
    .where('fleet', '=', name)
    .execute();
  const begin = {
    fleet: name,
    release: ask.release,
    policy,
    previousRelease,
    startAtMs: ask.startAt === undefined ? null : Date.parse(ask.startAt),
    ...(ask.name === undefined ? {} : { name: ask.name }),
  };
  return await beginRollout(queries, organisation, begin, nowMs);
}
