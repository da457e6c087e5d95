/** A rollout over three servers, one of which is killed in the middle, as is the database; and what became of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Simulation, simulatedImage, startSimulation } from '@slipway/agent';
import { silentLog } from '@slipway/core';
import type { FleetSpec, ImageRef, Labels } from '@slipway/fleet-api';
import { openDatabase } from '../../packages/fleet/src/index.ts';
import type { PostgresServer } from '../../packages/fleet/src/testing/postgres-server.ts';
import { beginStepLog } from '../../packages/fleet/src/testing/step-log.ts';
import { FleetReplicas } from './fleet-replicas.ts';
import { committedPeaks, timesTold } from './rollout-evidence.ts';
import { UpdateWitness } from './update-witness.ts';

export interface InterruptedRolloutOptions {
  readonly directory: string;
  readonly postgres: PostgresServer;
  readonly devices: number;
  /** So many may be under way at once. */
  readonly concurrent: number;
  /** Of one store, so many may be away at once. */
  readonly away: number;
}

/** What both sides say. Records count devices by how often something happened to them: `{1: 10_000}`. */
export interface InterruptedRolloutResult {
  /** Of the rollout, in the end. */
  readonly state: string;
  /** How many devices had been updated when something was killed. */
  readonly interruptedAt: readonly number[];
  /** Devices by what they run at the end. */
  readonly images: Readonly<Record<string, number>>;
  readonly restarts: Readonly<Record<number, number>>;
  readonly toldToStage: Readonly<Record<number, number>>;
  readonly toldToApply: Readonly<Record<number, number>>;
  /** At the worst moment. */
  readonly mostUnderWay: Peak;
  readonly mostAway: Peak;
  readonly isAuditIntact: boolean;
}

interface Peak {
  /** As devices saw it, which are told later than is written, and are done before that is known. */
  readonly seen: number;
  readonly committed: number;
}

/** What every device is to run. */
export const NEW_IMAGE: ImageRef = simulatedImage('registry.example/shop:v2');
const OLD_IMAGE: ImageRef = simulatedImage('registry.example/shop:v1');
const REPLICAS = 3;
const STORE_SIZE = 20;
const FLEET = 'shops';
/** More devices of one simulation would not hold connections. */
const SIMULATED_TOGETHER = 2000;
const LOOK_MS = 500;
const PLAYED_MS = 300;

export async function interruptRollout(
  options: InterruptedRolloutOptions,
): Promise<InterruptedRolloutResult> {
  const url = await options.postgres.newDatabase();
  await using replicas = await FleetReplicas.start(options.directory, url, REPLICAS);
  await using database = await openDatabase(url);
  await beginStepLog(database.reads);
  await putReleases(replicas);
  await putFleet(replicas, options, {});
  const witness = new UpdateWitness(storeOf);
  await using devices = await switchOn(options, replicas, witness);
  await untilAllReported(replicas);
  await putFleet(replicas, options, { release: 'v2' });
  const { state, interruptedAt } = await interrupt(options, replicas);
  const { intact } = await replicas.admin.call('audit.verify', {});
  const committed = await committedPeaks(database.reads);
  return {
    state,
    interruptedAt,
    images: devices.images(),
    restarts: witness.restarts,
    toldToStage: await timesTold(database.reads, 'told-to-stage'),
    toldToApply: await timesTold(database.reads, 'told-to-apply'),
    mostUnderWay: { seen: witness.mostUnderWay, committed: committed.underWay },
    mostAway: { seen: witness.mostRestarting, committed: committed.away },
    isAuditIntact: intact,
  };
}

function storeOf(device: number): string {
  return `store-${Math.floor(device / STORE_SIZE)}`;
}

async function putReleases({ admin }: FleetReplicas): Promise<void> {
  for (const [version, { reference, digest }] of [OLD_IMAGE, NEW_IMAGE].entries()) {
    const name = `v${version + 1}`;
    const images = [{ architecture: 'amd64', reference, digests: [digest] as [string] }];
    const spec = { version: String(version + 1), images };
    const body = { apiVersion: 'slipway/v1', kind: 'Release', metadata: { name }, spec } as const;
    await admin.call('releases.put', { params: { name }, body });
  }
}

async function putFleet(
  { admin }: FleetReplicas,
  { concurrent, away }: InterruptedRolloutOptions,
  more: Partial<FleetSpec>,
): Promise<void> {
  const policy = {
    maxConcurrent: { count: concurrent },
    disruptionBudget: { groupBy: ['store'], maxUnavailable: away },
    stableSeconds: 0,
  };
  const spec = { selector: 'kind=shop', policy, ...more };
  const body = { apiVersion: 'slipway/v1', kind: 'Fleet', metadata: { name: FLEET }, spec } as const;
  await admin.call('fleets.put', { params: { name: FLEET }, body });
}

interface Devices extends AsyncDisposable {
  readonly images: () => Readonly<Record<string, number>>;
}

/** All of them, with the agent of real hosts. */
async function switchOn(
  { devices }: InterruptedRolloutOptions,
  replicas: FleetReplicas,
  witness: UpdateWitness,
): Promise<Devices> {
  const { secret } = await replicas.admin.call('enrolmentTokens.create', {
    body: { name: FLEET, uses: devices },
  });
  await using started = new AsyncDisposableStack();
  const simulations: Simulation[] = [];
  for (let before = 0; before < devices; before += SIMULATED_TOGETHER) {
    const labels = (device: number): Labels => ({ kind: 'shop', store: storeOf(before + device) });
    const simulation = await startSimulation({
      devices: Math.min(SIMULATED_TOGETHER, devices - before),
      server: replicas.urls[simulations.length % REPLICAS] ?? '',
      authority: replicas.authority,
      token: secret,
      image: OLD_IMAGE,
      labels,
      seed: `interrupted/${before}`,
      downloadMs: PLAYED_MS,
      restartMs: PLAYED_MS,
      log: silentLog,
      through: (transport) => replicas.balanced(transport),
      onPhase: (device, phase) => witness.saw(before + device, phase),
    });
    simulations.push(started.use(simulation));
  }
  const running = started.move();
  return {
    images: () => {
      const counts: Record<string, number> = {};
      for (const [digest, count] of simulations.flatMap(({ summary }) => Object.entries(summary().images)))
        counts[digest] = (counts[digest] ?? 0) + count;
      return counts;
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** Of each device it is known what it runs. */
async function untilAllReported({ admin }: FleetReplicas): Promise<void> {
  for (;;) {
    const { status } = await admin.call('fleets.get', { params: { name: FLEET } });
    if (status.devices.unknown === 0) return;
    await sleep(LOOK_MS);
  }
}

/** At a third a server is killed, at two thirds the database; the rollout goes on to its end, whatever that is. */
async function interrupt(
  { devices, postgres }: InterruptedRolloutOptions,
  replicas: FleetReplicas,
): Promise<Pick<InterruptedRolloutResult, 'state' | 'interruptedAt'>> {
  const faults = [() => replicas.kill(), () => postgres.crash()];
  const interruptedAt: number[] = [];
  for (;;) {
    const { status } = await replicas.admin.call('rollouts.get', { params: { name: `${FLEET}-1` } });
    const { state, counts } = status;
    if (state !== 'running' && state !== 'scheduled') return { state, interruptedAt };
    const next = interruptedAt.length + 1;
    if (counts.succeeded >= (devices * next) / (faults.length + 1)) {
      interruptedAt.push(counts.succeeded);
      await faults[next - 1]?.();
    }
    await sleep(LOOK_MS);
  }
}
