import type { FleetSpec } from '@slipway/fleet-api';
import type { Queries } from '../database/database.ts';
import type { StoredResource } from '../resources/resource-store.ts';
import { loadStream } from '../rollouts/engine-releases.ts';
import { answerGraph, type GraphRollout, type GraphStream, parseGraphQuery } from './cincinnati.ts';
import { clientFleet } from './client.ts';
import { clientDevice } from './client-device.ts';
import type { CompatCall, CompatRoute } from './compat-route.ts';
import { loadPaces, type Pace } from './fleet-pace.ts';
import { type HttpAnswer, refusal } from './http.ts';
import { isTold } from './told-client.ts';

/** Cincinnati, as Fedora CoreOS speaks it. */
export const CINCINNATI_ROUTES: readonly CompatRoute[] = [
  {
    id: 'compat.cincinnati.graph',
    method: 'GET',
    path: '/cincinnati/v1/graph',
    permission: 'releases:read',
    maxBodyBytes: 1,
    answer: graph,
    refuse: refusal,
  },
];

async function graph({ client, services, query: text, nowMs }: CompatCall): Promise<HttpAnswer> {
  const query = parseGraphQuery(text);
  if ('status' in query) return query;
  const queries = services.database.reads;
  const { organisation } = client.identity;
  const fleet = await clientFleet(queries, client, query.group);
  if (fleet === undefined) return refusal(404, 'unknown_group', `there is no group ${query.group}`);
  const releases = await loadStream(queries, organisation, query.stream);
  const paces =
    releases === undefined
      ? new Map<string, Pace>()
      : await loadPaces(queries, organisation, fleet, releases, nowMs);
  const streams = new Map<string, GraphStream>();
  if (releases !== undefined) {
    const shownAs = new Map([...releases.specs].map(([name, { version }]) => [name, version]));
    streams.set(query.stream, { graph: releases.graph, rollouts: sharesOf(paces), shownAs });
  }
  const told = await toldTo(queries, organisation, fleet, query.nodeUuid);
  const { answer, unknownDigest } = answerGraph(text, {
    streams,
    nowMs,
    decide: (_query, version) => {
      if (paces.get(version) === 'shut') return false;
      return version === fleet.spec.release ? told : undefined;
    },
  });
  if (unknownDigest !== undefined) {
    // Such a host never updates, and does not say so.
    services.log.warn('a client runs an image that is no release', {
      fleet: fleet.metadata.name,
      stream: query.stream,
      client: query.nodeUuid.slice(0, 128),
      digest: unknownDigest.slice(0, 160),
    });
  }
  return answer;
}

function sharesOf(paces: ReadonlyMap<string, Pace>): ReadonlyMap<string, GraphRollout> {
  return new Map([...paces].flatMap(([name, pace]) => (typeof pace === 'string' ? [] : [[name, pace]])));
}

/** Whether the engine told a client that is a device to go where its fleet goes; undefined for one that is none. */
async function toldTo(
  queries: Queries,
  organisation: string,
  { metadata }: StoredResource<FleetSpec>,
  id: string,
): Promise<boolean | undefined> {
  const device = id === '' ? undefined : await clientDevice(queries, organisation, metadata.name, id);
  if (device === undefined) return undefined;
  return await isTold(queries, organisation, metadata.name, device.name);
}
