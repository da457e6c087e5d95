import {
  type DeviceSpec,
  type FleetSpec,
  isSelectorProblem,
  type LabelCondition,
  type Labels,
  matchesLabels,
  parseSelector,
} from '@slipway/fleet-api';
import type { Queries } from '../database/database.ts';
import { allResources, type StoredResource } from '../resources/resource-store.ts';

type StoredFleet = StoredResource<FleetSpec>;

/** The fleet of a device, or why it has none. */
export interface Membership {
  readonly fleet: string | null;
  readonly fleet_problem: string | null;
  readonly desired_release: string | null;
}

interface Candidate {
  readonly name: string;
  readonly release: string | null;
  readonly conditions: readonly LabelCondition[] | undefined;
}

/** The fleet a device names itself, else the one whose selector matches; with two that match it is in neither, and says so. */
function membershipOf(spec: DeviceSpec, labels: Labels, fleets: readonly Candidate[]): Membership {
  if (spec.fleet !== undefined) {
    const named = fleets.find(({ name }) => name === spec.fleet);
    if (named === undefined) return inNone(`it should be in the fleet ${spec.fleet}, which does not exist`);
    return { fleet: named.name, fleet_problem: null, desired_release: named.release };
  }
  const found = fleets.filter(
    ({ conditions }) => conditions !== undefined && matchesLabels(conditions, labels),
  );
  const [first, second] = found;
  if (first === undefined) return inNone(null);
  if (second !== undefined)
    return inNone(`the selectors of the fleets ${first.name} and ${second.name} both match its labels`);
  return { fleet: first.name, fleet_problem: null, desired_release: first.release };
}

function inNone(problem: string | null): Membership {
  return { fleet: null, fleet_problem: problem, desired_release: null };
}

/** An empty selector is that of a fleet whose devices name it themselves. */
function candidateOf({ metadata, spec }: StoredFleet): Candidate {
  const parsed = spec.selector.trim() === '' ? undefined : parseSelector(spec.selector);
  const conditions = parsed === undefined || isSelectorProblem(parsed) ? undefined : parsed;
  return { name: metadata.name, release: spec.release ?? null, conditions };
}

export async function findMembership(
  queries: Queries,
  organisation: string,
  spec: DeviceSpec,
  labels: Labels,
): Promise<Membership> {
  const fleets = await allResources<FleetSpec>(queries, organisation, 'Fleet');
  return membershipOf(spec, labels, fleets.map(candidateOf));
}

/** After a fleet changed: who is in which fleet now. Where only its release changed, nobody moves. */
export async function assignFleets(
  queries: Queries,
  organisation: string,
  after: StoredFleet,
  before: StoredFleet | undefined,
  nowMs: number,
  isGone = false,
): Promise<void> {
  if (before !== undefined && before.spec.selector === after.spec.selector && !isGone) {
    await queries
      .updateTable('devices')
      .set({ desired_release: after.spec.release ?? null, updated_ms: nowMs })
      .where('organisation', '=', organisation)
      .where('fleet', '=', after.metadata.name)
      .execute();
    return;
  }
  const stored = await allResources<FleetSpec>(queries, organisation, 'Fleet');
  const fleets = stored
    .filter(({ metadata }) => !isGone || metadata.name !== after.metadata.name)
    .map(candidateOf);
  const devices = await queries
    .selectFrom('devices')
    .select(['name', 'labels', 'spec', 'fleet', 'fleet_problem', 'desired_release'])
    .where('organisation', '=', organisation)
    .where('lifecycle', '=', 'enrolled')
    .execute();
  for (const device of devices) {
    const membership = membershipOf(
      JSON.parse(device.spec) as DeviceSpec,
      JSON.parse(device.labels) as Labels,
      fleets,
    );
    const isSame =
      membership.fleet === device.fleet &&
      membership.fleet_problem === device.fleet_problem &&
      membership.desired_release === device.desired_release;
    if (isSame) continue;
    await queries
      .updateTable('devices')
      .set((row) => ({ ...membership, order_revision: row('order_revision', '+', 1), updated_ms: nowMs }))
      .where('name', '=', device.name)
      .execute();
  }
}
