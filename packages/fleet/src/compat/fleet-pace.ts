import type { FleetSpec, RolloutCounts, RolloutStatus } from '@slipway/fleet-api';
import type { Queries } from '../database/database.ts';
import type { RolloutRow } from '../database/tables.ts';
import type { StoredResource } from '../resources/resource-store.ts';
import type { StreamReleases } from '../rollouts/engine-releases.ts';
import type { EngineRecord } from '../rollouts/rollout-store.ts';
import { type GraphRollout, shareAt } from './cincinnati.ts';

/** How far a release is let out to clients the engine does not tell one by one: to all, to nobody, to a share. */
export type Pace = 'open' | 'shut' | GraphRollout;

/**
 * How far a fleet lets the releases of a stream out, by their names.
 *
 * Nothing is let out that the fleet does not want, that was withdrawn, or whose rollout waits, is stopped or failed. While it goes on,
 * clients follow at the pace of the devices of the fleet and of its share over time, whichever is slower. Barriers on the way to what
 * the fleet wants open with it.
 */
export async function loadPaces(
  queries: Queries,
  organisation: string,
  { metadata, spec }: StoredResource<FleetSpec>,
  { graph, specs }: StreamReleases,
  nowMs: number,
): Promise<ReadonlyMap<string, Pace>> {
  const rollouts = await queries
    .selectFrom('rollouts')
    .selectAll()
    .where('organisation', '=', organisation)
    .where('fleet', '=', metadata.name)
    .orderBy('created_ms')
    .execute();
  const last = new Map(rollouts.map((row) => [row.release, row]));
  const target = spec.release === undefined ? undefined : graph.byVersion.get(spec.release);
  const targetPace = paceOf(last.get(spec.release ?? ''), nowMs) ?? 'open';
  const pace = (name: string, place: number): Pace => {
    if (target === undefined || place > target || specs.get(name)?.withdrawn !== undefined) return 'shut';
    if (place === target) return targetPace;
    const own = paceOf(last.get(name), nowMs) ?? 'shut';
    return own === 'open' || graph.releases[place]?.barrier === undefined ? own : targetPace;
  };
  return new Map(graph.releases.map(({ version }, place) => [version, pace(version, place)]));
}

function paceOf(row: RolloutRow | undefined, nowMs: number): Pace | undefined {
  if (row === undefined) return undefined;
  const { state, counts } = JSON.parse(row.status) as RolloutStatus;
  // What another rollout took over from is judged by how it stood then.
  const isUnderWay = row.state === 'running' && state === 'running';
  if (state !== 'succeeded' && !isUnderWay) return 'shut';
  const { policy, state: engine, approvedBy } = JSON.parse(row.engine) as EngineRecord;
  // A rollout without devices ends before anybody could approve it.
  if (policy.approval === 'manual' && approvedBy === null) return 'shut';
  const ofDevices = state === 'succeeded' ? 1 : startedShare(counts);
  const { percentOverTime } = policy;
  if (ofDevices === 0) return 'shut';
  if (percentOverTime === undefined && ofDevices === 1) return 'open';
  const startMs = (engine.steppedMs ?? nowMs) - engine.activeMs;
  const ofTime: GraphRollout = {
    startMs,
    startShare: (percentOverTime?.startPercent ?? 100) / 100,
    durationMs: (percentOverTime?.durationSeconds ?? 0) * 1000,
  };
  if (ofDevices < shareAt(ofTime, nowMs)) return { startMs, startShare: ofDevices };
  return shareAt(ofTime, nowMs) >= 1 ? 'open' : ofTime;
}

/** The share of the devices of a fleet whose turn has come. A rollout without devices that is not over waits for a person. */
function startedShare({ total, pending, skipped }: RolloutCounts): number {
  const concerned = total - skipped;
  return concerned === 0 ? 0 : (concerned - pending) / concerned;
}
