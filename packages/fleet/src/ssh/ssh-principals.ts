import type { Labels } from '@slipway/fleet-api';
import type { DeviceRow } from '../database/tables.ts';
import { scopeFilters } from '../devices/device-query.ts';
import type { CallContext } from '../http/handler.ts';
import { forbidden, invalid, notFound } from '../http/problem.ts';
import { reachesDevice, type Scope } from '../identity/identity.ts';

/** OpenSSH takes no certificate with more (`SSHKEY_CERT_MAX_PRINCIPALS`). */
const MAX_PRINCIPALS = 256;

type Placed = Pick<DeviceRow, 'name' | 'organisation' | 'fleet'>;

/** What people must have a certificate for one of to get into a device: for it alone, its fleet, or everything of its organisation. */
export function principalsOfDevice({ name, organisation, fleet }: Placed): readonly string[] {
  return [
    `device:${name}`,
    ...(fleet === null ? [] : [fleetPrincipal(organisation, fleet)]),
    organisationPrincipal(organisation),
  ];
}

/**
 * What a certificate of somebody is for: as far as their permission reaches, or the devices they name within that.
 *
 * A grant by label becomes the devices that have the labels now.
 *
 * @throws SlipwayError FLEET_FORBIDDEN when it reaches no device, FLEET_NOT_FOUND for a device it does not reach,
 *   FLEET_REQUEST_INVALID when it reaches more devices by label than a certificate can hold
 */
export async function principalsOfPerson(
  context: CallContext,
  devices: readonly string[] | undefined,
): Promise<readonly [string, ...string[]]> {
  const { scope, identity } = context;
  const found =
    devices === undefined
      ? await reached(context, scope)
      : await Promise.all(devices.map(async (name) => await named(context, name)));
  const [first, ...rest] = new Set(found);
  if (first === undefined) throw forbidden(`your role reaches no device of ${identity.organisation}`);
  if (rest.length >= MAX_PRINCIPALS) {
    throw invalid('cannot make a certificate for so many devices: name those it is for');
  }
  return [first, ...rest];
}

async function named(context: CallContext, name: string): Promise<string> {
  const { queries, identity, scope } = context;
  const row = await queries
    .selectFrom('devices')
    .select(['name', 'fleet', 'labels'])
    .where('organisation', '=', identity.organisation)
    .where('lifecycle', '=', 'enrolled')
    .where('name', '=', name)
    .executeTakeFirst();
  if (row === undefined || !reachesDevice(scope, row.fleet, JSON.parse(row.labels) as Labels)) {
    throw notFound('device', name);
  }
  return `device:${row.name}`;
}

async function reached(context: CallContext, scope: Scope): Promise<readonly string[]> {
  const { organisation } = context.identity;
  if (scope.kind !== 'some') return scope.kind === 'all' ? [organisationPrincipal(organisation)] : [];
  const byLabel = scope.grants.filter(({ grant }) => grant.selector !== undefined);
  const whole = scope.grants.filter(({ grant }) => grant.selector === undefined);
  const fleets = whole.flatMap(({ grant }) => grant.fleets ?? []);
  const rows =
    byLabel.length === 0
      ? []
      : await context.queries
          .selectFrom('devices')
          .select('devices.name')
          .where('devices.organisation', '=', organisation)
          .where('devices.lifecycle', '=', 'enrolled')
          .where((build) =>
            build.and(scopeFilters(context.queries, build, { kind: 'some', grants: byLabel })),
          )
          .limit(MAX_PRINCIPALS + 1)
          .execute();
  return [
    ...fleets.map((fleet) => fleetPrincipal(organisation, fleet)),
    ...rows.map(({ name }) => `device:${name}`),
  ];
}

function organisationPrincipal(organisation: string): string {
  return `organisation:${organisation}`;
}

function fleetPrincipal(organisation: string, fleet: string): string {
  return `fleet:${organisation}/${fleet}`;
}
