import {
  API_VERSION,
  isSelectorProblem,
  type Labels,
  type ListQuery,
  type Metadata,
  matchesLabels,
  parseSelector,
  type ResourceInput,
} from '@slipway/fleet-api';
import type { Queries } from '../database/database.ts';
import type { ResourceRow } from '../database/tables.ts';

/** A resource as it is kept. */
export interface StoredResource<Spec> {
  readonly metadata: Metadata;
  readonly spec: Spec;
}

export async function findResource<Spec>(
  queries: Queries,
  organisation: string,
  kind: string,
  name: string,
): Promise<StoredResource<Spec> | undefined> {
  const row = await queries
    .selectFrom('resources')
    .selectAll()
    .where('organisation', '=', organisation)
    .where('kind', '=', kind)
    .where('name', '=', name)
    .executeTakeFirst();
  return row === undefined ? undefined : storedOf(row);
}

/** All of a kind: there are hundreds at most, devices stand elsewhere. */
export async function allResources<Spec>(
  queries: Queries,
  organisation: string,
  kind: string,
): Promise<readonly StoredResource<Spec>[]> {
  const rows = await queries
    .selectFrom('resources')
    .selectAll()
    .where('organisation', '=', organisation)
    .where('kind', '=', kind)
    .orderBy('name')
    .execute();
  return rows.map((row) => storedOf<Spec>(row));
}

/** What a selector and a search leave. */
export function matching<Each extends { readonly metadata: Metadata }>(
  resources: readonly Each[],
  { selector, search }: ListQuery,
): readonly Each[] {
  const parsed = parseSelector(selector ?? '');
  const conditions = isSelectorProblem(parsed) ? [] : parsed;
  const words = search?.toLowerCase() ?? '';
  return resources.filter(
    ({ metadata }) => matchesLabels(conditions, metadata.labels) && metadata.name.includes(words),
  );
}

/** Makes or replaces it; its revision grows by one. */
export async function saveResource<Spec>(
  queries: Queries,
  organisation: string,
  input: ResourceInput<string, Spec>,
  nowMs: number,
): Promise<StoredResource<Spec>> {
  const { name, labels } = input.metadata;
  const before = await findResource<Spec>(queries, organisation, input.kind, name);
  const row = {
    organisation,
    kind: input.kind,
    name,
    labels: JSON.stringify(labels ?? before?.metadata.labels ?? {}),
    spec: JSON.stringify(input.spec),
    revision: (before?.metadata.revision ?? 0) + 1,
    created_ms: before === undefined ? nowMs : Date.parse(before.metadata.createdAt),
    updated_ms: nowMs,
  };
  await queries
    .insertInto('resources')
    .values(row)
    .onConflict((conflict) =>
      conflict.columns(['organisation', 'kind', 'name']).doUpdateSet({
        labels: row.labels,
        spec: row.spec,
        revision: row.revision,
        updated_ms: nowMs,
      }),
    )
    .execute();
  return storedOf(row);
}

export async function removeResource(
  queries: Queries,
  organisation: string,
  kind: string,
  name: string,
): Promise<void> {
  await queries
    .deleteFrom('resources')
    .where('organisation', '=', organisation)
    .where('kind', '=', kind)
    .where('name', '=', name)
    .execute();
}

function storedOf<Spec>(row: ResourceRow): StoredResource<Spec> {
  return { metadata: metadataOf(row), spec: JSON.parse(row.spec) as Spec };
}

type MetadataColumns = Pick<ResourceRow, 'name' | 'labels' | 'created_ms' | 'updated_ms' | 'revision'>;

export function metadataOf(row: MetadataColumns): Metadata {
  return {
    name: row.name,
    labels: JSON.parse(row.labels) as Labels,
    createdAt: new Date(row.created_ms).toISOString(),
    updatedAt: new Date(row.updated_ms).toISOString(),
    revision: row.revision,
  };
}

/** What every answer begins with. */
export function header<Kind extends string>(
  kind: Kind,
): { readonly apiVersion: typeof API_VERSION; readonly kind: Kind } {
  return { apiVersion: API_VERSION, kind };
}
