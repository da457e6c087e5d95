import { isDeepStrictEqual } from 'node:util';
import { type FleetClient, FleetProblem } from '@slipway/fleet-api';
import { stringify } from 'yaml';
import type { AnyResource, KindVerbs } from './kinds.ts';
import type { FileResource } from './resource-files.ts';

/** The resource of that name; undefined when there is none. */
export async function whatIsThere(
  client: FleetClient,
  verbs: KindVerbs,
  name: string,
): Promise<AnyResource | undefined> {
  try {
    return await verbs.get(client, name);
  } catch (error) {
    if (error instanceof FleetProblem && error.problem.status === 404) return undefined;
    throw error;
  }
}

interface Wanted {
  readonly labels: object;
  readonly spec: object;
}

/** What a file says about a resource; labels it does not speak of stay. */
function wantedOf(file: FileResource, there: AnyResource | undefined): Wanted {
  const { labels } = file.metadata as { readonly labels?: object };
  return { labels: labels ?? there?.metadata.labels ?? {}, spec: file.spec };
}

export function isSame(there: AnyResource, file: FileResource): boolean {
  const { labels, spec } = wantedOf(file, there);
  return isDeepStrictEqual({ labels, spec }, { labels: there.metadata.labels, spec: there.spec });
}

/** Lines that go and lines that come, in the order of the wanted; empty when there is no difference. */
export function differences(there: AnyResource | undefined, file: FileResource): readonly string[] {
  const before = there === undefined ? [] : linesOf({ labels: there.metadata.labels, spec: there.spec });
  const after = linesOf(wantedOf(file, there));
  const goes = before.filter((line) => !after.includes(line)).map((line) => `-${line}`);
  const comes = after.filter((line) => !before.includes(line)).map((line) => `+${line}`);
  return [...goes, ...comes];
}

function linesOf(value: Wanted): readonly string[] {
  return stringify(value, { sortMapEntries: true }).trimEnd().split('\n');
}
