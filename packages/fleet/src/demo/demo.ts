import { setTimeout as sleep } from 'node:timers/promises';
import { type FailureModel, HttpsTransport, type Simulation, startSimulation } from '@slipway/agent';
import { type OperationOptions, operation } from '@slipway/core';
import { FleetClient, type Rollout, type RolloutState } from '@slipway/fleet-api';
import { FIRST_USER } from '../identity/credentials.ts';
import { type FleetServer, type ServeFleetOptions, serveFleet } from '../server/serve-fleet.ts';
import {
  DEMO_FLEET,
  demoFleet,
  demoLabels,
  demoPolicy,
  demoRelease,
  FIRST_IMAGE,
  FIRST_RELEASE,
  NEXT_RELEASE,
} from './demo-resources.ts';

export interface DemoOptions extends OperationOptions {
  /** A directory without a server in it. */
  readonly root: string;
  readonly host?: string;
  /** 0: one that is free. */
  readonly port: number;
  readonly devices: number;
  readonly failures?: FailureModel;
  readonly pages?: ServeFleetOptions['pages'];
  /** Where somebody can look, before the first device is there. */
  readonly onServing?: (server: DemoServer) => void;
}

export interface DemoServer {
  readonly url: string;
  readonly user: string;
  readonly password: string;
}

/** A fleet to look at; disposing of it switches everything off. */
export interface Demo extends AsyncDisposable, DemoServer {
  readonly rollout: string;
  readonly simulation: Simulation;
  /** Waits until the rollout has come to its end, or to one that people have to decide about. */
  readonly finish: (onChange?: (rollout: Rollout) => void) => Promise<Rollout>;
}

const DOWNLOAD_MS = 3000;
const RESTART_MS = 2000;
const STEP_ROLLOUTS_MS = 500;
const WATCH_MS = 500;
const ENDS: ReadonlySet<RolloutState> = new Set([
  'succeeded',
  'failed',
  'halted',
  'aborted',
  'rolled-back',
  'superseded',
]);

/**
 * From nothing to a fleet in the middle of a rollout: a server, two releases, a policy, simulated devices, and the order to update.
 *
 * @throws SlipwayError FLEET_LISTEN_FAILED, FLEET_DATABASE_UNUSABLE
 */
export async function startDemo(options: DemoOptions): Promise<Demo> {
  await using parts = new AsyncDisposableStack();
  const server = parts.use(await serve(options));
  const login: DemoServer = { url: server.url, user: FIRST_USER, password: server.firstPassword ?? '' };
  options.onServing?.(login);
  const transport = parts.use(new HttpsTransport({ authority: server.authority }));
  const client = await logIn(login, transport);
  await publish(client);
  const token = await makeToken(client, options.devices);
  const simulation = parts.use(await simulate(options, server, token));
  const rollout = await rollOut(client);
  const running = parts.move();
  return {
    ...login,
    rollout,
    simulation,
    finish: async (onChange) => await finish(client, rollout, operation(options).signal, onChange),
    [Symbol.asyncDispose]: async () => await running.disposeAsync(),
  };
}

async function serve({ root, host, port, pages, log }: DemoOptions): Promise<FleetServer> {
  return await serveFleet({
    root,
    port,
    ...(host === undefined ? {} : { host }),
    stepRolloutsMs: STEP_ROLLOUTS_MS,
    ...(pages === undefined ? {} : { pages }),
    ...(log === undefined ? {} : { log }),
  });
}

async function logIn({ url, user, password }: DemoServer, { send }: HttpsTransport): Promise<FleetClient> {
  const client = new FleetClient({ url, transport: send });
  const { secret } = await client.call('sessions.create', { body: { user, password } });
  return new FleetClient({ url, transport: send, headers: () => ({ authorization: `Bearer ${secret}` }) });
}

async function publish(client: FleetClient): Promise<void> {
  const releases = [
    demoRelease(FIRST_RELEASE, 'What every shop runs today.'),
    demoRelease(NEXT_RELEASE, 'Faster at the till.'),
  ];
  for (const release of releases) {
    await client.call('releases.put', { params: { name: release.metadata.name }, body: release });
  }
  const policy = demoPolicy();
  await client.call('policies.put', { params: { name: policy.metadata.name }, body: policy });
  await client.call('fleets.put', { params: { name: DEMO_FLEET }, body: demoFleet() });
}

async function makeToken(client: FleetClient, uses: number): Promise<string> {
  const { secret } = await client.call('enrolmentTokens.create', { body: { name: 'demo', uses } });
  return secret;
}

async function simulate(options: DemoOptions, server: FleetServer, token: string): Promise<Simulation> {
  const { devices, failures, signal, log, progress } = options;
  return await startSimulation({
    devices,
    server: server.url,
    authority: server.authority,
    token,
    image: FIRST_IMAGE,
    labels: demoLabels,
    downloadMs: DOWNLOAD_MS,
    restartMs: RESTART_MS,
    ...operation({ ...(signal && { signal }), ...(log && { log }), ...(progress && { progress }) }),
    ...(failures === undefined ? {} : { failures }),
  });
}

/** Changing the release of a fleet is what starts a rollout. */
async function rollOut(client: FleetClient): Promise<string> {
  const params = { name: DEMO_FLEET };
  const { etag } = await client.ask('fleets.get', { params });
  await client.call('fleets.put', { params, body: demoFleet(NEXT_RELEASE), ifMatch: etag ?? '*' });
  const { status } = await client.call('fleets.get', { params });
  if (status.rollout === null) throw new Error('the fleet has a new release and no rollout');
  return status.rollout;
}

async function finish(
  client: FleetClient,
  name: string,
  signal: AbortSignal,
  onChange: ((rollout: Rollout) => void) | undefined,
): Promise<Rollout> {
  let shown = -1;
  for (;;) {
    const rollout = await client.call('rollouts.get', { params: { name }, signal });
    if (rollout.metadata.revision !== shown) onChange?.(rollout);
    shown = rollout.metadata.revision;
    if (ENDS.has(rollout.status.state)) return rollout;
    await sleep(WATCH_MS, undefined, { signal });
  }
}
