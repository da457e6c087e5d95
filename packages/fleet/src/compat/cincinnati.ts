import { hasEdge, type ReleaseGraph } from '../release/graph.ts';
import { type Release, targetDigest } from '../release/release.ts';
import { deviceRank } from '../rollout/device-order.ts';
import { type Labels, matches } from '../selector/selector.ts';
import { type HttpAnswer, refusal } from './http.ts';

/** How a release is let out to clients nobody knows: a share that grows in a line. */
export interface GraphRollout {
  readonly startMs: number;
  /** 0 to 1. */
  readonly startShare: number;
  /** Without it the share stays as it started. */
  readonly durationMs?: number;
}

/** One stream as the graph shows it. */
export interface GraphStream {
  readonly graph: ReleaseGraph;
  /** By version. */
  readonly rollouts: ReadonlyMap<string, GraphRollout>;
  /** How people call a version, where that is another name than the graph has. */
  readonly shownAs?: ReadonlyMap<string, string>;
}

/** What a client says of itself in its query. */
export interface GraphQuery {
  readonly basearch: string;
  readonly stream: string;
  readonly nodeUuid: string;
  readonly osVersion: string;
  /** `repository@digest` of what it booted. */
  readonly osChecksum: string;
  readonly group: string;
  readonly platform: string;
  readonly wariness: number | undefined;
  readonly isOci: boolean;
}

export interface GraphContext {
  readonly streams: ReadonlyMap<string, GraphStream>;
  readonly nowMs: number;
  /** For clients that are devices of a fleet the rollout engine decides: whether this one may go to that version; undefined: not known. */
  readonly decide?: (query: GraphQuery, version: string) => boolean | undefined;
}

export interface GraphResult {
  readonly answer: HttpAnswer;
  readonly query?: GraphQuery;
  /** What the client booted belongs to no release: it would never update, and nobody would notice. Raise an alert. */
  readonly unknownDigest?: string;
}

const MAX_QUERY_CHARACTERS = 8192;
const PREFIX = 'org.fedoraproject.coreos.';
const ARCHITECTURES: ReadonlyMap<string, string> = new Map([
  ['x86_64', 'amd64'],
  ['aarch64', 'arm64'],
  ['ppc64le', 'ppc64le'],
  ['s390x', 's390x'],
  ['riscv64', 'riscv64'],
]);

/** Answers `GET …/v1/graph`, Cincinnati as Fedora CoreOS speaks it (client: Zincati). */
export function answerGraph(queryText: string, context: GraphContext): GraphResult {
  const query = parseGraphQuery(queryText);
  if ('status' in query) return { answer: query };
  const stream = context.streams.get(query.stream);
  if (stream === undefined)
    return { answer: refusal(404, 'unknown_stream', `there is no stream ${query.stream}`), query };
  const architecture = ARCHITECTURES.get(query.basearch);
  if (architecture === undefined) {
    return { answer: refusal(400, 'unknown_basearch', `there is no architecture ${query.basearch}`), query };
  }
  // Clients of the time before containers name ostree commits; there is nothing to send them to.
  const body = query.isOci ? graphFor(query, stream, architecture, context) : { nodes: [], edges: [] };
  const answer = { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const digest = digestOf(query.osChecksum);
  const isUnknown = digest !== '' && !stream.graph.byDigest.has(digest);
  return { answer, query, ...(isUnknown ? { unknownDigest: digest } : {}) };
}

/** Reads a query; an answer where it cannot be used. */
export function parseGraphQuery(text: string): GraphQuery | HttpAnswer {
  if (text.length > MAX_QUERY_CHARACTERS) return refusal(414, 'query_too_long', 'the query is too long');
  const parameters = new URLSearchParams(text);
  const basearch = parameters.get('basearch') ?? '';
  const stream = parameters.get('stream') ?? '';
  if (basearch === '' || stream === '')
    return refusal(400, 'missing_params', 'basearch and stream must be given');
  const wariness = Number.parseFloat(parameters.get('rollout_wariness') ?? '');
  return {
    basearch,
    stream,
    nodeUuid: parameters.get('node_uuid') ?? '',
    osVersion: parameters.get('os_version') ?? '',
    osChecksum: parameters.get('os_checksum') ?? '',
    group: parameters.get('group') ?? '',
    platform: parameters.get('platform') ?? '',
    wariness: Number.isNaN(wariness) ? undefined : Math.min(1, Math.max(0, wariness)),
    isOci: parameters.get('oci') === 'true',
  };
}

interface GraphNode {
  readonly version: string;
  readonly payload: string;
  readonly metadata: Readonly<Record<string, string>>;
}

function graphFor(
  query: GraphQuery,
  { graph, rollouts, shownAs }: GraphStream,
  architecture: string,
  context: GraphContext,
): { readonly nodes: readonly GraphNode[]; readonly edges: readonly (readonly [number, number])[] } {
  const booted = graph.byDigest.get(digestOf(query.osChecksum));
  const places: number[] = [];
  const nodes: GraphNode[] = [];
  for (const [place, release] of graph.releases.entries()) {
    const digest = targetDigest(release, architecture);
    if (digest === undefined) continue;
    // A client finds itself by comparing text: what it booted is shown to it under the name it knows, whichever of the digests it has.
    const payload = place === booted ? query.osChecksum : `${release.repository}@${digest}`;
    nodes.push({
      version: shownAs?.get(release.version) ?? release.version,
      payload,
      metadata: metadataOf(release, places.length, rollouts.get(release.version)),
    });
    places.push(place);
  }
  const edges: (readonly [number, number])[] = [];
  for (const [toNode, to] of places.entries()) {
    const release = graph.releases[to];
    if (release === undefined || !isLetOut(query, release, rollouts.get(release.version), context)) continue;
    for (const [fromNode, from] of places.entries()) {
      const version = graph.releases[from]?.version ?? '';
      if (hasEdge(graph, from, to) && !isRisky(query, release, version)) edges.push([fromNode, toNode]);
    }
  }
  return { nodes, edges };
}

/** All values are text. */
function metadataOf(
  { barrier, deadEnd }: Release,
  ageIndex: number,
  rollout: GraphRollout | undefined,
): Readonly<Record<string, string>> {
  const updates: Record<string, string> = {};
  if (rollout !== undefined) {
    const { startMs, startShare, durationMs } = rollout;
    updates['rollout'] = 'true';
    updates['start_epoch'] = `${Math.floor(startMs / 1000)}`;
    updates['start_value'] = Number.isInteger(startShare) ? startShare.toFixed(1) : `${startShare}`;
    if (durationMs !== undefined)
      updates['duration_minutes'] = `${Math.max(1, Math.round(durationMs / 60_000))}`;
  }
  if (barrier !== undefined) Object.assign(updates, { barrier: 'true', barrier_reason: barrier.reason });
  if (deadEnd !== undefined) Object.assign(updates, { deadend: 'true', deadend_reason: deadEnd.reason });
  const entries = Object.entries(updates).map(([key, value]) => [`${PREFIX}updates.${key}`, value] as const);
  return {
    [`${PREFIX}scheme`]: 'oci',
    [`${PREFIX}releases.age_index`]: `${ageIndex}`,
    ...Object.fromEntries(entries),
  };
}

function isLetOut(
  query: GraphQuery,
  { version }: Release,
  rollout: GraphRollout | undefined,
  { nowMs, decide }: GraphContext,
): boolean {
  const decided = decide?.(query, version);
  if (decided !== undefined) return decided;
  return rollout === undefined || warinessOf(query) <= shareAt(rollout, nowMs);
}

/** The share that is let out: nobody before the start, but for those who are not wary at all. */
export function shareAt({ startMs, startShare, durationMs }: GraphRollout, nowMs: number): number {
  if (nowMs < startMs) return 0;
  if (durationMs === undefined) return startShare;
  if (nowMs >= startMs + durationMs) return 1;
  return startShare + ((1 - startShare) * (nowMs - startMs)) / durationMs;
}

/** What the client says, or as good as drawn from its name: above 0, at most 1. */
function warinessOf({ wariness, nodeUuid }: GraphQuery): number {
  return wariness ?? drawnWariness(nodeUuid);
}

/** How wary a client is that does not say so: as good as drawn from its name, and always the same. */
export function drawnWariness(name: string): number {
  return Math.max(1e-6, deviceRank('wariness', name) / 0xffffffff);
}

function isRisky({ group, platform, basearch, stream }: GraphQuery, release: Release, from: string): boolean {
  const inventory: Labels = { group, platform, basearch, stream };
  return (release.risks ?? []).some(
    (risk) => (risk.from?.includes(from) ?? true) && matches(risk.affects, inventory),
  );
}

function digestOf(checksum: string): string {
  return checksum.slice(checksum.lastIndexOf('@') + 1);
}
