import type { ImageRef, ReleaseSpec } from '@slipway/fleet-api';
import type { Queries } from '../database/database.ts';
import { type ReleaseGraph, releaseGraph } from '../release/graph.ts';
import type { Release } from '../release/release.ts';
import { allResources, type StoredResource } from '../resources/resource-store.ts';
import { engineSelector } from './engine-policy.ts';

/** The releases of a stream as the engine has them, by the names of their resources. */
export interface StreamReleases {
  readonly graph: ReleaseGraph;
  /** Digests nobody is given: of releases that were withdrawn. */
  readonly withdrawn: readonly string[];
  /** Whether what devices say of themselves decides which way they may go. */
  readonly asksFacts: boolean;
  /** What a device is told of a digest. */
  readonly imageOf: (digest: string) => ImageRef;
  /** As people wrote them, by name. */
  readonly specs: ReadonlyMap<string, ReleaseSpec>;
}

/** The releases of the stream a release is in. */
export async function loadReleases(
  queries: Queries,
  organisation: string,
  target: string,
): Promise<StreamReleases> {
  const all = await allResources<ReleaseSpec>(queries, organisation, 'Release');
  return streamReleases(all, streamOf(all.find(({ metadata }) => metadata.name === target)?.spec));
}

/** The releases of a stream; undefined where it has none. */
export async function loadStream(
  queries: Queries,
  organisation: string,
  stream: string,
): Promise<StreamReleases | undefined> {
  const releases = streamReleases(await allResources<ReleaseSpec>(queries, organisation, 'Release'), stream);
  return releases.specs.size === 0 ? undefined : releases;
}

function streamReleases(all: readonly StoredResource<ReleaseSpec>[], stream: string): StreamReleases {
  const ordered = inOrder(all.filter(({ spec }) => streamOf(spec) === stream));
  const references = new Map(
    ordered.flatMap(({ spec }) =>
      spec.images.flatMap(({ reference, digests }) => digests.map((digest) => [digest, reference])),
    ),
  );
  const graph = releaseGraph(ordered.map(releaseOf));
  return {
    graph,
    asksFacts: graph.releases.some(
      ({ risks }) => risks?.some(({ affects }) => affects.requirements.length > 0) === true,
    ),
    withdrawn: ordered
      .filter(({ spec }) => spec.withdrawn !== undefined)
      .flatMap(({ spec }) => spec.images.flatMap(({ digests }) => digests)),
    imageOf: (digest) => ({ reference: references.get(digest) ?? '', digest }),
    specs: new Map(ordered.map(({ metadata, spec }) => [metadata.name, spec])),
  };
}

function streamOf(spec: ReleaseSpec | undefined): string {
  return spec?.stream ?? 'stable';
}

/** Oldest first: by version, numbers in it as numbers; of equal versions by age. */
export function inOrder(
  releases: readonly StoredResource<ReleaseSpec>[],
): readonly StoredResource<ReleaseSpec>[] {
  return releases.toSorted(
    (a, b) =>
      a.spec.version.localeCompare(b.spec.version, 'en', { numeric: true }) ||
      a.metadata.createdAt.localeCompare(b.metadata.createdAt),
  );
}

/** Risks that name a release which is no more concern nobody. */
function releaseOf(
  { metadata, spec }: StoredResource<ReleaseSpec>,
  _index: number,
  all: readonly StoredResource<ReleaseSpec>[],
): Release {
  const names = new Set(all.map((each) => each.metadata.name));
  return {
    version: metadata.name,
    repository: repositoryOf(spec.images[0]?.reference ?? ''),
    digests: spec.images.flatMap(({ architecture, digests }) =>
      digests.map((digest, index) => ({
        digest,
        architecture,
        role: index === 0 ? ('image' as const) : ('repushed' as const),
      })),
    ),
    metadata: spec.metadata ?? {},
    ...(spec.barrier === undefined ? {} : { barrier: spec.barrier }),
    ...(spec.deadEnd === undefined ? {} : { deadEnd: spec.deadEnd }),
    risks: (spec.risks ?? []).map(({ name, message, url, selector, from }) => ({
      name,
      message,
      affects: engineSelector(selector ?? ''),
      ...(url === undefined ? {} : { url }),
      ...(from === undefined ? {} : { from: from.filter((each) => names.has(each)) }),
    })),
  };
}

function repositoryOf(reference: string): string {
  const withoutDigest = reference.split('@')[0] ?? '';
  return withoutDigest.replace(/:[^/:]*$/, '');
}
