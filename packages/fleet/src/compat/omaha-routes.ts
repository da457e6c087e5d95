import { SlipwayError } from '@slipway/core';
import type { FleetSpec, ReleaseSpec } from '@slipway/fleet-api';
import { hasEdge } from '../release/graph.ts';
import type { StoredResource } from '../resources/resource-store.ts';
import { loadReleases, type StreamReleases } from '../rollouts/engine-releases.ts';
import { matches } from '../selector/selector.ts';
import { drawnWariness, shareAt } from './cincinnati.ts';
import { clientFleet } from './client.ts';
import { type ClientDevice, clientDevice } from './client-device.ts';
import type { CompatCall, CompatRoute } from './compat-route.ts';
import { loadPaces, type Pace } from './fleet-pace.ts';
import type { HttpAnswer } from './http.ts';
import { answerOmaha, answerOmahaRequest, type OmahaReport } from './omaha/answer.ts';
import { MAX_REQUEST_BYTES, type OmahaApp, type OmahaUpdate } from './omaha/format.ts';
import { readOmahaRequest } from './omaha/reader.ts';
import { isTold } from './told-client.ts';

/** What Flatcar calls itself. */
const FLATCAR = '{e96281a6-d1af-4bde-9a0a-97b76e56dc57}';
const SERVER = 'slipway';
const MAX_LOGGED = 128;

/** Omaha, as update_engine of Flatcar speaks it. */
export const OMAHA_ROUTES: readonly CompatRoute[] = [
  {
    id: 'compat.omaha.update',
    method: 'POST',
    path: '/omaha/v1/update/',
    permission: 'releases:read',
    maxBodyBytes: MAX_REQUEST_BYTES,
    answer: update,
    // The client reads nothing of a refusal but its status, and tries again later.
    refuse: (status, kind, why) => ({
      status,
      headers: { 'content-type': 'text/plain' },
      body: `${kind}: ${why}\n`,
    }),
  },
];

async function update(call: CompatCall): Promise<HttpAnswer> {
  const context = { server: SERVER, nowMs: call.nowMs, appIds: new Set([FLATCAR]) };
  const request = readable(call.body);
  if (request === undefined) return answerOmaha(call.body, { ...context, updateFor: () => undefined }).answer;
  const updates = new Map<OmahaApp, OmahaUpdate | undefined>();
  for (const app of request.apps) {
    if (app.hasUpdateCheck && app.appid.toLowerCase() === FLATCAR)
      updates.set(app, await updateOf(call, app));
  }
  const result = answerOmahaRequest(request, { ...context, updateFor: (app) => updates.get(app) });
  for (const report of result.reports) await keepReport(call, report);
  return result.answer;
}

function readable(body: Uint8Array): ReturnType<typeof readOmahaRequest> | undefined {
  try {
    return readOmahaRequest(body);
  } catch (error) {
    if (error instanceof SlipwayError) return undefined;
    throw error;
  }
}

interface Machine {
  readonly fleet: StoredResource<FleetSpec>;
  readonly device: ClientDevice | undefined;
}

/** The fleet its group is named after, and the device it is, if it is one. */
async function machineOf({ client, services }: CompatCall, app: OmahaApp): Promise<Machine | undefined> {
  const queries = services.database.reads;
  const fleet = await clientFleet(queries, client, app.track);
  if (fleet === undefined) return undefined;
  const { organisation } = client.identity;
  const id = app.machineid;
  const device = id === '' ? undefined : await clientDevice(queries, organisation, fleet.metadata.name, id);
  return { fleet, device };
}

/** Where a machine may go now: as far as the releases, the pace of its fleet and a person who holds it let it. */
async function updateOf(call: CompatCall, app: OmahaApp): Promise<OmahaUpdate | undefined> {
  const { client, services, nowMs } = call;
  const queries = services.database.reads;
  const { organisation } = client.identity;
  const machine = await machineOf(call, app);
  const target = machine?.fleet.spec.release;
  if (machine === undefined || target === undefined || machine.device?.hold !== undefined) return undefined;
  const releases = await loadReleases(queries, organisation, target);
  const from = placeOf(releases, app.version);
  if (from === undefined) {
    services.log.warn('a client runs a version that is no release', {
      fleet: machine.fleet.metadata.name,
      client: app.machineid.slice(0, MAX_LOGGED),
      version: app.version.slice(0, MAX_LOGGED),
    });
    return undefined;
  }
  const paces = await loadPaces(queries, organisation, machine.fleet, releases, nowMs);
  const isToldNow =
    machine.device === undefined
      ? undefined
      : await isTold(queries, organisation, machine.fleet.metadata.name, machine.device.name);
  const { graph, specs } = releases;
  for (let to = graph.releases.length - 1; to > from; to -= 1) {
    const name = graph.releases[to]?.version ?? '';
    const isOpen = isLetOut(paces.get(name), name === target ? isToldNow : undefined, app.machineid, nowMs);
    if (!isOpen || !hasEdge(graph, from, to) || isRisky(releases, from, to, app)) continue;
    const found = payloadOf(specs.get(name), architectureOf(app));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A client says its version and nothing else of what it runs. */
function placeOf({ graph, specs }: StreamReleases, version: string): number | undefined {
  const place = graph.releases.findIndex((each) => specs.get(each.version)?.version === version);
  return place < 0 ? undefined : place;
}

function isLetOut(
  pace: Pace | undefined,
  told: boolean | undefined,
  machineId: string,
  nowMs: number,
): boolean {
  if (pace === undefined || pace === 'shut') return false;
  if (told !== undefined) return told;
  return pace === 'open' || drawnWariness(machineId) <= shareAt(pace, nowMs);
}

function isRisky({ graph }: StreamReleases, from: number, to: number, app: OmahaApp): boolean {
  const inventory = { group: app.track, platform: app.oem, board: app.board };
  return (graph.releases[to]?.risks ?? []).some(
    (risk) =>
      (risk.from?.includes(graph.releases[from]?.version ?? '') ?? true) && matches(risk.affects, inventory),
  );
}

/** `amd64-usr` */
function architectureOf({ board }: OmahaApp): string {
  return board.split('-')[0] ?? '';
}

function payloadOf(spec: ReleaseSpec | undefined, architecture: string): OmahaUpdate | undefined {
  const payload = spec?.images.find((image) => image.architecture === architecture)?.payload;
  if (spec === undefined || payload === undefined) return undefined;
  const slash = payload.url.lastIndexOf('/') + 1;
  return {
    version: spec.version,
    codebase: payload.url.slice(0, slash),
    packageName: payload.url.slice(slash),
    sizeBytes: payload.sizeBytes,
    sha1: base64(payload.sha1),
    sha256: base64(payload.sha256),
  };
}

function base64(hex: string): string {
  return Buffer.from(hex.replace(/^sha256:/, ''), 'hex').toString('base64');
}

/** What a machine says became of its update. It stands in the log alone: a token that may only read fills no database. */
async function keepReport(call: CompatCall, { app, progress }: OmahaReport): Promise<void> {
  const machine = await machineOf(call, app);
  if (machine === undefined) return;
  const fields = {
    fleet: machine.fleet.metadata.name,
    client: app.machineid.slice(0, MAX_LOGGED),
    version: app.version.slice(0, MAX_LOGGED),
  };
  if (progress.kind === 'failed' || progress.kind === 'rolled-back')
    call.services.log.warn('an update of a client went wrong', { ...fields, ...progress });
  else call.services.log.info('a client goes on with its update', { ...fields, ...progress });
}
