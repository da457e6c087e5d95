import {
  BUILT_IN_ROLES,
  type Grant,
  PERMISSIONS,
  type Permission,
  type RoleSpec,
  type UserSpec,
} from '@slipway/fleet-api';
import type { Queries } from '../database/database.ts';
import { allResources } from '../resources/resource-store.ts';
import { type Identity, type ResolvedGrant, resolveGrant } from './identity.ts';
import { secretHash } from './secret.ts';

/** The user every server starts with; an administrator of the whole. */
export const FIRST_USER = 'admin';
export const FIRST_ORGANISATION = 'default';

/**
 * Who has this secret, as of now: sessions end with their user, and a token never may more than its owner. Undefined: nobody.
 */
export async function identityOf(
  queries: Queries,
  secret: string,
  nowMs: number,
): Promise<Identity | undefined> {
  const hash = secretHash(secret);
  const row = await queries.selectFrom('credentials').selectAll().where('hash', '=', hash).executeTakeFirst();
  if (row === undefined || (row.expires_ms !== null && row.expires_ms <= nowMs)) return undefined;
  const user = await userOf(queries, row.organisation, row.owner);
  if (user === undefined || user.disabled === true) return undefined;
  const byGroups = await grantsOfGroups(queries, row.organisation, row.owner);
  const owned = await resolveGrants(queries, row.organisation, [...user.grants, ...byGroups]);
  const isToken = row.kind === 'token';
  const grants =
    isToken && row.grants !== null
      ? narrowed(await resolveGrants(queries, row.organisation, JSON.parse(row.grants) as Grant[]), owned)
      : owned;
  return {
    organisation: row.organisation,
    actor: isToken ? `token:${row.name}` : `user:${row.owner}`,
    user: row.owner,
    displayName: user.displayName ?? row.owner,
    systemAdmin: !isToken && isSystemAdmin(row.organisation, row.owner),
    grants,
    csrf: row.csrf,
    credentialHash: hash,
    expiresMs: row.expires_ms,
  };
}

export function isSystemAdmin(organisation: string, user: string): boolean {
  return organisation === FIRST_ORGANISATION && user === FIRST_USER;
}

async function userOf(queries: Queries, organisation: string, name: string): Promise<UserSpec | undefined> {
  const row = await queries
    .selectFrom('resources')
    .select('spec')
    .where('organisation', '=', organisation)
    .where('kind', '=', 'User')
    .where('name', '=', name)
    .executeTakeFirst();
  return row === undefined ? undefined : (JSON.parse(row.spec) as UserSpec);
}

/** The roles of the groups that the identity provider named when somebody logged in last; none for who has a password here. */
async function grantsOfGroups(
  queries: Queries,
  organisation: string,
  user: string,
): Promise<readonly Grant[]> {
  const row = await queries
    .selectFrom('provider_logins')
    .select('groups')
    .where('organisation', '=', organisation)
    .where('user', '=', user)
    .executeTakeFirst();
  const groups = new Set(row === undefined ? [] : (JSON.parse(row.groups) as string[]));
  if (groups.size === 0) return [];
  const roles = await allResources<RoleSpec>(queries, organisation, 'Role');
  return roles
    .filter(({ spec }) => spec.groups?.some((group) => groups.has(group)) === true)
    .map(({ metadata }) => ({ role: metadata.name }));
}

/** Looks up the roles of grants. A role that is gone gives nothing. */
export async function resolveGrants(
  queries: Queries,
  organisation: string,
  grants: readonly Grant[],
): Promise<readonly ResolvedGrant[]> {
  const builtIn: Readonly<Record<string, readonly Permission[]>> = BUILT_IN_ROLES;
  const own = grants.filter(({ role }) => !Object.hasOwn(builtIn, role)).map(({ role }) => role);
  const rows =
    own.length === 0
      ? []
      : await queries
          .selectFrom('resources')
          .select(['name', 'spec'])
          .where('organisation', '=', organisation)
          .where('kind', '=', 'Role')
          .where('name', 'in', own)
          .execute();
  const ownRoles = new Map(rows.map(({ name, spec }) => [name, (JSON.parse(spec) as RoleSpec).permissions]));
  return grants.map((grant) =>
    resolveGrant(
      grant,
      Object.hasOwn(builtIn, grant.role) ? (builtIn[grant.role] ?? []) : (ownRoles.get(grant.role) ?? []),
    ),
  );
}

/** What a token says it may, less what its owner may not: a permission counts only where the owner still has it as widely. */
function narrowed(
  wanted: readonly ResolvedGrant[],
  owned: readonly ResolvedGrant[],
): readonly ResolvedGrant[] {
  return wanted.flatMap((each) => {
    const held = PERMISSIONS.filter((permission) => each.permissions.has(permission));
    return owned.flatMap((owner) => {
      const shared = held.filter((permission) => owner.permissions.has(permission));
      const both = intersection(each.grant, owner.grant);
      return shared.length === 0 || both === undefined ? [] : [resolveGrant(both, shared)];
    });
  });
}

function intersection(a: Grant, b: Grant): Grant | undefined {
  const fleets =
    a.fleets === undefined || b.fleets === undefined
      ? (a.fleets ?? b.fleets)
      : a.fleets.filter((fleet) => b.fleets?.includes(fleet));
  if (fleets?.length === 0) return undefined;
  const selectors = [...new Set([a.selector, b.selector])].filter(
    (each) => each !== undefined && each !== '',
  );
  return {
    role: a.role,
    ...(fleets === undefined ? {} : { fleets }),
    ...(selectors.length === 0 ? {} : { selector: selectors.join(',') }),
  };
}
