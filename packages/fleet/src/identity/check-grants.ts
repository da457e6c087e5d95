import { BUILT_IN_ROLES, type Grant } from '@slipway/fleet-api';
import type { CallContext } from '../http/handler.ts';
import { forbidden, invalid } from '../http/problem.ts';
import { findResource } from '../resources/resource-store.ts';
import { resolveGrants } from './credentials.ts';
import { mayGrant } from './identity.ts';

/**
 * Nobody gives what they do not have, or a role that does not exist.
 *
 * @throws SlipwayError FLEET_REQUEST_INVALID, FLEET_FORBIDDEN
 */
export async function checkGrants(context: CallContext, grants: readonly Grant[]): Promise<void> {
  const builtIn: Readonly<Record<string, unknown>> = BUILT_IN_ROLES;
  for (const grant of grants) {
    const isKnown =
      Object.hasOwn(builtIn, grant.role) ||
      (await findResource(context.queries, context.identity.organisation, 'Role', grant.role)) !== undefined;
    if (!isKnown) throw invalid(`cannot grant the role ${grant.role}: there is none of that name`);
  }
  const resolved = await resolveGrants(context.queries, context.identity.organisation, grants);
  if (resolved.every((each) => mayGrant(context.identity, each))) return;
  throw forbidden('nobody can give away a permission they do not have themselves');
}
