import type { FleetSpec, Permission } from '@slipway/fleet-api';
import type { Queries } from '../database/database.ts';
import { identityOf } from '../identity/credentials.ts';
import { type Identity, reachesFleet, type Scope, scopeOf } from '../identity/identity.ts';
import { findResource, type StoredResource } from '../resources/resource-store.ts';
import type { Services } from '../server/services.ts';

/** Who speaks a protocol of others: a token, and how far its permission reaches. */
export interface Client {
  readonly identity: Identity;
  readonly scope: Scope;
}

/** What the clients of these protocols call the group they are in when nobody told them another. */
const NO_GROUP: ReadonlySet<string> = new Set(['', 'default']);

/**
 * Who has the token that stands in the path: these clients have neither certificates nor headers of their own. Sessions of people do
 * not count, so that none gets into the configuration of a host.
 */
export async function findClient(
  token: string,
  permission: Permission,
  services: Services,
  nowMs: number,
): Promise<Client | 'unknown' | 'forbidden'> {
  if (!token.startsWith('slipway_token_')) return 'unknown';
  const look = (): Promise<Identity | undefined> => identityOf(services.database.reads, token, nowMs);
  const identity = await services.identities.find(token, look, nowMs);
  if (identity === undefined) return 'unknown';
  const scope = scopeOf(identity, permission);
  return scope.kind === 'none' ? 'forbidden' : { identity, scope };
}

/**
 * The fleet a client belongs to: the one its group is named after, and for a client without a group the one its token is for.
 * Undefined where there is none, or the token does not reach it.
 */
export async function clientFleet(
  queries: Queries,
  { identity, scope }: Client,
  group: string,
): Promise<StoredResource<FleetSpec> | undefined> {
  const name = NO_GROUP.has(group) ? (onlyFleetOf(scope) ?? group) : group;
  if (name === '' || !reachesFleet(scope, name)) return undefined;
  return await findResource<FleetSpec>(queries, identity.organisation, 'Fleet', name);
}

function onlyFleetOf(scope: Scope): string | undefined {
  if (scope.kind !== 'some') return undefined;
  const fleets = new Set(scope.grants.flatMap(({ grant }) => grant.fleets ?? []));
  return fleets.size === 1 ? [...fleets][0] : undefined;
}
