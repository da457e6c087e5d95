import { SlipwayError } from '@slipway/core';
import type { FleetSpec, ReleaseSpec } from '@slipway/fleet-api';
import { standingHold } from '../devices/hold.ts';
import { hasEdge } from '../release/graph.ts';
import type { StoredResource } from '../resources/resource-store.ts';
import { loadReleases, type StreamReleases } from '../rollouts/engine-releases.ts';
import { matches } from '../selector/selector.ts';
import { drawnWariness, shareAt } from './cincinnati.ts';
import { clientFleet } from './client.ts';
import { type ClientDevice, clientDevice } from './client-device.ts';
import { hasFailed, loadClientState, saveClientState } from './client-state.ts';
import type { CompatAnswer, CompatCall, CompatRoute } from './compat-route.ts';
import { loadPaces, type Pace } from './fleet-pace.ts';
import { refusal } from './http.ts';
import { answerOmaha, answerOmahaRequest, type OmahaReport, reportsOf } from './omaha/answer.ts';
import { MAX_REQUEST_BYTES, type OmahaApp, type OmahaProgress, type OmahaUpdate } from './omaha/format.ts';
import { readOmahaRequest } from './omaha/reader.ts';
import { PAYLOAD_PATH, payloadOf, sendPayload } from './omaha-payload.ts';
import { isTold } from './told-client.ts';

/** What Flatcar calls itself. */
const FLATCAR = '{e96281a6-d1af-4bde-9a0a-97b76e56dc57}';
const SERVER = 'slipway';
const MAX_LOGGED = 128;
const MAX_ARCHITECTURE = 32;
/** Three quarters of an hour, and up to ten minutes more. */
const ASKS_EVERY_SECONDS = 3300;

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
  {
    id: 'compat.omaha.payload',
    method: 'GET',
    path: PAYLOAD_PATH,
    permission: 'releases:read',
    maxBodyBytes: 1,
    answer: sendPayload,
    refuse: refusal,
  },
];

async function update(call: CompatCall): Promise<CompatAnswer> {
  const context = { server: SERVER, nowMs: call.nowMs, appIds: new Set([FLATCAR]) };
  const request = readable(call.body);
  if (request === undefined) return answerOmaha(call.body, { ...context, updateFor: () => undefined }).answer;
  const ours = request.apps.filter(({ appid }) => appid.toLowerCase() === FLATCAR);
  const reports = reportsOf(request);
  const machines: Machine[] = [];
  for (const app of ours) {
    const machine = await machineOf(call, app);
    if (machine !== undefined) machines.push(machine);
  }
  // What went wrong is kept before it is asked what comes next, and before the client hears that we have heard.
  for (const machine of machines)
    await keepState(
      call,
      machine,
      reports.filter(({ app }) => app === machine.app),
    );
  const updates = new Map<OmahaApp, OmahaUpdate | undefined>();
  for (const machine of machines.filter(({ app }) => app.hasUpdateCheck))
    updates.set(machine.app, await updateOf(call, machine));
  return answerOmahaRequest(request, { ...context, updateFor: (app) => updates.get(app) }).answer;
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
  readonly app: OmahaApp;
  readonly fleet: StoredResource<FleetSpec>;
  readonly device: ClientDevice | undefined;
  /** Of the stream the fleet follows; undefined: it wants none, or nobody asks. */
  readonly releases: StreamReleases | undefined;
}

/** The fleet its group is named after, and the device it is, if it is one. */
async function machineOf({ client, services }: CompatCall, app: OmahaApp): Promise<Machine | undefined> {
  const queries = services.database.reads;
  const fleet = await clientFleet(queries, client, app.track);
  if (fleet === undefined) return undefined;
  const { organisation } = client.identity;
  const id = app.machineid;
  const device = id === '' ? undefined : await clientDevice(queries, organisation, fleet.metadata.name, id);
  const target = fleet.spec.release;
  const isOfUse = app.hasUpdateCheck || device !== undefined;
  const releases =
    target === undefined || !isOfUse ? undefined : await loadReleases(queries, organisation, target);
  return { app, fleet, device, releases };
}

/** Where a machine may go now: as far as the releases, the pace of its fleet and a person who holds it let it. */
async function updateOf(call: CompatCall, machine: Machine): Promise<OmahaUpdate | undefined> {
  const { client, services, nowMs } = call;
  const { app, releases } = machine;
  const queries = services.database.reads;
  const { organisation } = client.identity;
  const target = machine.fleet.spec.release;
  if (releases === undefined || standingHold(machine.device?.hold, nowMs) !== undefined) return undefined;
  if (machine.device !== undefined) {
    const state = await loadClientState(queries, machine.device.name);
    if (hasFailed(state, machine.device.updateId)) return undefined;
  }
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
    const spec = specs.get(name);
    if (spec === undefined || isDenied(spec, machine.device)) continue;
    const found = await payloadOf(call, {
      fleet: machine.fleet,
      release: name,
      spec,
      architecture: architectureOf(app),
    });
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

/** It failed there, and would again. */
function isDenied({ images }: ReleaseSpec, device: ClientDevice | undefined): boolean {
  return images.some(({ digests }) => digests.some((digest) => device?.denied.includes(digest) === true));
}

/** `amd64-usr` */
function architectureOf({ board }: OmahaApp): string {
  return board.split('-')[0] ?? '';
}

/** Keeps what a machine says of itself, if it is a device: one row, written over. Of others it stands in the log alone. */
async function keepState(
  call: CompatCall,
  { app, fleet, device, releases }: Machine,
  reports: readonly OmahaReport[],
): Promise<void> {
  const { services, nowMs } = call;
  for (const { progress } of reports) logProgress(call, app, fleet.metadata.name, progress);
  if (device === undefined) return;
  // An agent says better when it was there, and asks more often.
  if (!device.hasAgent) services.presence.saw(device.name, nowMs, call.address, ASKS_EVERY_SECONDS);
  const state = {
    architecture: architectureOf(app).slice(0, MAX_ARCHITECTURE),
    bootedDigest: releases === undefined ? undefined : bootedDigest(releases, app),
    progress: reports.at(-1)?.progress,
    updateId: device.updateId,
  };
  await services.database.transact(
    async (transaction) => await saveClientState(transaction, device.name, state),
  );
}

/** The image a machine runs, told by its version. */
function bootedDigest(releases: StreamReleases, app: OmahaApp): string | undefined {
  const place = placeOf(releases, app.version);
  const spec =
    place === undefined ? undefined : releases.specs.get(releases.graph.releases[place]?.version ?? '');
  return spec?.images.find(({ architecture }) => architecture === architectureOf(app))?.digests[0];
}

function logProgress({ services }: CompatCall, app: OmahaApp, fleet: string, progress: OmahaProgress): void {
  const fields = {
    fleet,
    client: app.machineid.slice(0, MAX_LOGGED),
    version: app.version.slice(0, MAX_LOGGED),
    ...progress,
  };
  if (progress.kind === 'failed' || progress.kind === 'rolled-back')
    services.log.warn('an update of a client went wrong', fields);
  else services.log.info('a client goes on with its update', fields);
}
