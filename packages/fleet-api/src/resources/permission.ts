import * as z from 'zod';

/** Everything somebody may be allowed. A route names one; roles are sets of them. */
export const PERMISSIONS = [
  'devices:read',
  'devices:write',
  'devices:decommission',
  /** Log in to devices by ssh. */
  'devices:ssh',
  'enrolments:read',
  'enrolments:approve',
  'fleets:read',
  'fleets:write',
  'releases:read',
  'releases:write',
  'policies:read',
  'policies:write',
  'rollouts:read',
  'rollouts:write',
  'rollouts:approve',
  'locks:read',
  'locks:write',
  'operations:read',
  'events:read',
  'audit:read',
  'metrics:read',
  'tokens:read',
  'tokens:write',
  'users:read',
  'users:write',
  'roles:read',
  'roles:write',
  'git:read',
  'git:write',
  'webhooks:read',
  'webhooks:write',
  'registry:pull',
  'registry:push',
  'organisations:read',
  'organisations:write',
] as const;
export type Permission = (typeof PERMISSIONS)[number];

export const permissionSchema: z.ZodType<Permission> = z.enum(PERMISSIONS);

const VIEWER: readonly Permission[] = [
  'devices:read',
  'enrolments:read',
  'fleets:read',
  'releases:read',
  'policies:read',
  'rollouts:read',
  'locks:read',
  'operations:read',
  'events:read',
  'metrics:read',
  'git:read',
  'webhooks:read',
  'registry:pull',
];
const OPERATOR: readonly Permission[] = [
  ...VIEWER,
  'devices:write',
  'devices:ssh',
  'enrolments:approve',
  'fleets:write',
  'releases:write',
  'policies:write',
  'rollouts:write',
  'locks:write',
  'git:write',
  'webhooks:write',
  'registry:push',
];
const APPROVER: readonly Permission[] = [...VIEWER, 'rollouts:approve', 'audit:read'];
/** All of an organisation; organisations themselves are the business of system administrators. */
const ADMIN: readonly Permission[] = PERMISSIONS.filter((each) => !each.startsWith('organisations:'));

/** The roles every organisation has. Who operates does not approve, so that two people are needed where a policy wants it. */
export const BUILT_IN_ROLES = {
  viewer: VIEWER,
  operator: OPERATOR,
  approver: APPROVER,
  admin: ADMIN,
} as const satisfies Readonly<Record<string, readonly Permission[]>> as Readonly<
  Record<'viewer' | 'operator' | 'approver' | 'admin', readonly Permission[]>
>;
