import {
  type Grant,
  isSelectorProblem,
  type LabelCondition,
  type Labels,
  matchesLabels,
  type Permission,
  parseSelector,
} from '@slipway/fleet-api';

/** A grant with its role looked up. */
export interface ResolvedGrant {
  readonly grant: Grant;
  readonly permissions: ReadonlySet<Permission>;
  readonly conditions: readonly LabelCondition[] | undefined;
}

/** Who asks, and what they may. */
export interface Identity {
  readonly organisation: string;
  /** As the audit log names it: `user:anna`, `token:ci`. */
  readonly actor: string;
  readonly user: string;
  readonly displayName: string;
  /** May act in every organisation, and make and delete them. */
  readonly systemAdmin: boolean;
  readonly grants: readonly ResolvedGrant[];
  /** What a page must send along with a change when it is known by its cookie. */
  readonly csrf: string | null;
  readonly credentialHash: string;
  readonly expiresMs: number | null;
}

/** How far a permission reaches: everywhere, to some, nowhere. */
export type Scope =
  | { readonly kind: 'all' }
  | { readonly kind: 'some'; readonly grants: readonly ResolvedGrant[] }
  | { readonly kind: 'none' };

export function resolveGrant(grant: Grant, permissions: Iterable<Permission>): ResolvedGrant {
  const parsed = grant.selector === undefined ? undefined : parseSelector(grant.selector);
  // A selector that does not parse any more selects nothing, which is the safe side.
  const conditions = parsed !== undefined && isSelectorProblem(parsed) ? NOTHING : parsed;
  return { grant, permissions: new Set(permissions), conditions };
}

const NOTHING: readonly LabelCondition[] = [
  { label: 'slipway', operator: 'exists' },
  { label: 'slipway', operator: 'missing' },
];

/** How far somebody's permission reaches. */
export function scopeOf(identity: Identity, permission: Permission): Scope {
  if (identity.systemAdmin) return { kind: 'all' };
  const grants = identity.grants.filter(({ permissions }) => permissions.has(permission));
  if (grants.length === 0) return { kind: 'none' };
  const isEverywhere = grants.some(({ grant }) => grant.fleets === undefined && grant.selector === undefined);
  return isEverywhere ? { kind: 'all' } : { kind: 'some', grants };
}

/** Whether a scope reaches a device of that fleet with those labels. */
export function reachesDevice(scope: Scope, fleet: string | null, labels: Labels): boolean {
  if (scope.kind !== 'some') return scope.kind === 'all';
  return scope.grants.some(({ grant, conditions }) => {
    const isInFleet = grant.fleets === undefined || (fleet !== null && grant.fleets.includes(fleet));
    return isInFleet && (conditions === undefined || matchesLabels(conditions, labels));
  });
}

/** Whether a scope reaches a whole fleet: grants by label never do. */
export function reachesFleet(scope: Scope, fleet: string): boolean {
  if (scope.kind !== 'some') return scope.kind === 'all';
  return scope.grants.some(
    ({ grant }) => grant.selector === undefined && grant.fleets?.includes(fleet) === true,
  );
}

/** Every permission an identity has somewhere. */
export function permissionsOf(identity: Identity): ReadonlySet<Permission> {
  return new Set(identity.grants.flatMap(({ permissions }) => [...permissions]));
}

/** Whether `outer` may hand out `inner`: nobody gives what they do not have. */
export function mayGrant(outer: Identity, inner: ResolvedGrant): boolean {
  return [...inner.permissions].every((permission) => {
    const scope = scopeOf(outer, permission);
    if (scope.kind !== 'some') return scope.kind === 'all';
    return scope.grants.some(
      ({ grant }) =>
        (grant.fleets === undefined ||
          (inner.grant.fleets?.every((fleet) => grant.fleets?.includes(fleet)) ?? false)) &&
        (grant.selector === undefined || grant.selector === inner.grant.selector),
    );
  });
}
