import { SlipwayError } from '@slipway/core';
import type { Release } from './release.ts';

/** More releases of one stream are refused: the graph others' clients are sent has an edge for each pair. */
export const MAX_RELEASES = 1000;

/**
 * The releases of one stream, oldest first, and which of them leads to which.
 *
 * Every release leads to every newer one, except past a barrier and out of a dead end.
 */
export interface ReleaseGraph {
  readonly releases: readonly Release[];
  /** From any digest of any release to the place of the release in `releases`. */
  readonly byDigest: ReadonlyMap<string, number>;
  readonly byVersion: ReadonlyMap<string, number>;
  /** For each release, the place of the nearest barrier before it; 0 where there is none. */
  readonly floors: readonly number[];
}

/**
 * Orders releases into a graph.
 *
 * @param releases oldest first
 * @throws SlipwayError RELEASE_GRAPH_INVALID with everything found: a version twice, a digest in two releases, a release without digest, …
 */
export function releaseGraph(releases: readonly Release[]): ReleaseGraph {
  const findings: string[] = [];
  if (releases.length > MAX_RELEASES)
    findings.push(`there are ${releases.length} releases, at most ${MAX_RELEASES} can be steered`);
  const byVersion = new Map<string, number>();
  const byDigest = new Map<string, number>();
  const floors: number[] = [];
  let floor = 0;
  for (const [index, release] of releases.entries()) {
    floors.push(floor);
    if (release.barrier !== undefined) floor = index;
    if (byVersion.has(release.version)) findings.push(`version ${release.version} is there twice`);
    byVersion.set(release.version, index);
    findings.push(...digestFindings(release, releases, byDigest, index));
  }
  for (const { version, risks = [] } of releases) {
    const unknown = risks.flatMap(({ from = [] }) => from).filter((from) => !byVersion.has(from));
    for (const from of unknown)
      findings.push(`a risk of ${version} concerns ${from}, which is no version here`);
  }
  if (findings.length > 0) {
    throw new SlipwayError('RELEASE_GRAPH_INVALID', 'cannot order the releases into a graph', {
      findings,
      hint: 'each version is one release, and each digest belongs to one version',
    });
  }
  return { releases, byDigest, byVersion, floors };
}

function digestFindings(
  { version, digests, barrier, deadEnd }: Release,
  releases: readonly Release[],
  byDigest: Map<string, number>,
  index: number,
): readonly string[] {
  const findings: string[] = [];
  if (!digests.some(({ role }) => role === 'image' || role === 'index')) {
    findings.push(`${version} has no image digest, so nobody could be sent there`);
  }
  if (barrier !== undefined && deadEnd !== undefined) {
    findings.push(`${version} is both barrier and dead end, so nothing newer could ever be reached`);
  }
  for (const { digest } of digests) {
    const other = byDigest.get(digest);
    if (other !== undefined && other !== index) {
      findings.push(`${digest} belongs to both ${releases[other]?.version} and ${version}`);
    }
    byDigest.set(digest, index);
  }
  return findings;
}

/** Whether one release leads straight to another; risks are another matter. */
export function hasEdge(graph: ReleaseGraph, from: number, to: number): boolean {
  return to > from && from >= (graph.floors[to] ?? 0) && graph.releases[from]?.deadEnd === undefined;
}
