import * as z from 'zod';
import { type ListQuery, listQuerySchema, listQueryShape, type Page, pageSchema } from '../resources/page.ts';
import { policySpecSchema } from '../resources/policy.ts';
import {
  type Reason,
  type Rollout,
  type RolloutDevice,
  type RolloutInput,
  type RolloutPlan,
  type RolloutSpec,
  reasonSchema,
  rolloutDeviceSchema,
  rolloutInputSchema,
  rolloutPlanSchema,
  rolloutSchema,
} from '../resources/rollout.ts';
import { nameSchema } from '../resources/scalars.ts';
import { type ActionCall, actionRoute, type GetCall, getRoute, type ListCall } from './crud.ts';
import { may, type NameParams, type RouteTable } from './route.ts';

/** What the list of rollouts can be asked. */
export interface RolloutListQuery extends ListQuery {
  readonly fleet?: string;
  /** Only those that have not ended. */
  readonly active?: 'true' | 'false';
}

export interface RolloutCalls {
  readonly 'rollouts.list': ListCall<Rollout, RolloutListQuery>;
  readonly 'rollouts.get': GetCall<Rollout>;
  readonly 'rollouts.create': { readonly body: RolloutInput; readonly response: Rollout };
  readonly 'rollouts.plan': { readonly body: RolloutSpec; readonly response: RolloutPlan };
  readonly 'rollouts.devices': {
    readonly params: NameParams;
    readonly query: ListQuery;
    readonly response: Page<RolloutDevice>;
  };
  readonly 'rollouts.approve': ActionCall<Reason, Rollout>;
  readonly 'rollouts.pause': ActionCall<Reason, Rollout>;
  readonly 'rollouts.resume': ActionCall<Reason, Rollout>;
  readonly 'rollouts.abort': ActionCall<Reason, Rollout>;
  readonly 'rollouts.rollback': ActionCall<Reason, Rollout>;
}

const NOUN = {
  path: 'rollouts',
  tag: 'Rollouts',
  one: 'a rollout',
  many: 'rollouts',
  permission: 'rollouts:write',
  schema: rolloutSchema,
} as const;

const rolloutSpecSchema: z.ZodType<RolloutSpec> = z.strictObject({
  fleet: nameSchema,
  release: nameSchema,
  policy: policySpecSchema.exactOptional(),
  startAt: z.iso.datetime().exactOptional(),
});

export const ROLLOUT_ROUTES: RouteTable<RolloutCalls> = {
  'rollouts.list': {
    method: 'GET',
    path: '/api/v1/rollouts',
    tag: 'Rollouts',
    summary: 'list rollouts, newest first',
    access: may('rollouts:read'),
    status: 200,
    query: z.strictObject({
      ...listQueryShape,
      fleet: nameSchema.exactOptional(),
      active: z.enum(['true', 'false']).exactOptional(),
    }),
    response: pageSchema(rolloutSchema),
    refusals: [],
  },
  'rollouts.get': getRoute({ ...NOUN, permission: 'rollouts:read' }),
  'rollouts.create': {
    method: 'POST',
    path: '/api/v1/rollouts',
    tag: 'Rollouts',
    summary: 'bring a fleet to a release',
    access: may('rollouts:write'),
    status: 201,
    body: rolloutInputSchema,
    response: rolloutSchema,
    refusals: [409, 422],
    headers: ['idempotency-key'],
  },
  'rollouts.plan': {
    method: 'POST',
    path: '/api/v1/rollouts/plan',
    tag: 'Rollouts',
    summary: 'say who would be updated when, who not and why, and change nothing',
    access: may('rollouts:read'),
    status: 200,
    body: rolloutSpecSchema,
    response: rolloutPlanSchema,
    refusals: [422],
  },
  'rollouts.devices': {
    method: 'GET',
    path: '/api/v1/rollouts/{name}/devices',
    tag: 'Rollouts',
    summary: 'list where the devices of a rollout are, and why',
    access: may('rollouts:read'),
    status: 200,
    query: listQuerySchema,
    response: pageSchema(rolloutDeviceSchema),
    refusals: [404],
  },
  'rollouts.approve': actionRoute(
    { ...NOUN, permission: 'rollouts:approve' },
    'approve',
    'let a rollout, or its next batch, begin',
    reasonSchema,
  ),
  'rollouts.pause': actionRoute(NOUN, 'pause', 'start no more devices; those under way go on', reasonSchema),
  'rollouts.resume': actionRoute(NOUN, 'resume', 'go on after a pause or a halt', reasonSchema),
  'rollouts.abort': actionRoute(
    NOUN,
    'abort',
    'end it, and take back what devices have not begun',
    reasonSchema,
  ),
  'rollouts.rollback': actionRoute(
    NOUN,
    'rollback',
    'bring every device back to what it ran before',
    reasonSchema,
  ),
};
