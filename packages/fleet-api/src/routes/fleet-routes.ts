import * as z from 'zod';
import { type Fleet, type FleetInput, fleetInputSchema, fleetSchema } from '../resources/fleet.ts';
import { type Policy, type PolicyInput, policyInputSchema, policySchema } from '../resources/policy.ts';
import {
  type Release,
  type ReleaseGraph,
  type ReleaseInput,
  releaseGraphSchema,
  releaseInputSchema,
  releaseSchema,
} from '../resources/release.ts';
import { nameSchema } from '../resources/scalars.ts';
import {
  type DeleteCall,
  deleteRoute,
  type GetCall,
  getRoute,
  type ListCall,
  listRoute,
  type PutCall,
  putRoute,
} from './crud.ts';
import { may, type RouteTable } from './route.ts';

/** Fleets, releases and policies: what git may hold. */
export interface FleetCalls {
  readonly 'fleets.list': ListCall<Fleet>;
  readonly 'fleets.get': GetCall<Fleet>;
  readonly 'fleets.put': PutCall<FleetInput, Fleet>;
  readonly 'fleets.delete': DeleteCall;
  readonly 'releases.list': ListCall<Release>;
  readonly 'releases.get': GetCall<Release>;
  readonly 'releases.put': PutCall<ReleaseInput, Release>;
  readonly 'releases.delete': DeleteCall;
  readonly 'releases.graph': {
    readonly query: { readonly stream?: string };
    readonly response: ReleaseGraph;
  };
  readonly 'policies.list': ListCall<Policy>;
  readonly 'policies.get': GetCall<Policy>;
  readonly 'policies.put': PutCall<PolicyInput, Policy>;
  readonly 'policies.delete': DeleteCall;
}

const FLEETS = {
  path: 'fleets',
  tag: 'Fleets',
  one: 'a fleet',
  many: 'fleets',
  schema: fleetSchema,
} as const;
const RELEASES = {
  path: 'releases',
  tag: 'Releases',
  one: 'a release',
  many: 'releases',
  schema: releaseSchema,
} as const;
const POLICIES = {
  path: 'policies',
  tag: 'Policies',
  one: 'a policy',
  many: 'policies',
  schema: policySchema,
} as const;

export const FLEET_ROUTES: RouteTable<FleetCalls> = {
  'fleets.list': listRoute({ ...FLEETS, permission: 'fleets:read' }),
  'fleets.get': getRoute({ ...FLEETS, permission: 'fleets:read' }),
  'fleets.put': putRoute({ ...FLEETS, permission: 'fleets:write' }, fleetInputSchema),
  'fleets.delete': deleteRoute({ ...FLEETS, permission: 'fleets:write' }),
  'releases.list': listRoute({ ...RELEASES, permission: 'releases:read' }),
  'releases.get': getRoute({ ...RELEASES, permission: 'releases:read' }),
  'releases.put': putRoute({ ...RELEASES, permission: 'releases:write' }, releaseInputSchema),
  'releases.delete': deleteRoute({ ...RELEASES, permission: 'releases:write' }),
  'releases.graph': {
    method: 'GET',
    path: '/api/v1/release-graph',
    tag: 'Releases',
    summary: 'read the releases of a stream and the steps between them',
    access: may('releases:read'),
    status: 200,
    query: z.strictObject({ stream: nameSchema.exactOptional() }),
    response: releaseGraphSchema,
    refusals: [],
  },
  'policies.list': listRoute({ ...POLICIES, permission: 'policies:read' }),
  'policies.get': getRoute({ ...POLICIES, permission: 'policies:read' }),
  'policies.put': putRoute({ ...POLICIES, permission: 'policies:write' }, policyInputSchema),
  'policies.delete': deleteRoute({ ...POLICIES, permission: 'policies:write' }),
};
