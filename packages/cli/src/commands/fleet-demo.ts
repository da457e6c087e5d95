import { mkdir, readdir } from 'node:fs/promises';
import { makeTempDir, SlipwayError } from '@slipway/core';
import { type Demo, startDemo } from '@slipway/fleet';
import type { Rollout } from '@slipway/fleet-api';
import type { CommandContext } from '../command/spec.ts';
import type { HostPort } from '../command/values.ts';
import { builtConsolePages } from '../console-files.ts';
import { emit } from '../output/emit.ts';
import { simulationWords } from '../render/simulation.ts';

interface FleetDemoInput {
  readonly devices: number;
  readonly listen: HostPort;
  readonly root: string | undefined;
  readonly badImage: number;
  readonly exitWhenDone: boolean;
  readonly json: boolean;
}

/** `slipway fleet demo`: a fleet to look at, until it is told to stop. */
export async function fleetDemo(input: FleetDemoInput, context: CommandContext): Promise<number> {
  await using directory = await demoDirectory(input.root);
  await using demo = await start(input, directory.path, context);
  const rollout = await demo.finish((changed) => sayRollout(changed, context));
  context.operation.log.info('the rollout has ended', { rollout: demo.rollout, state: rollout.status.state });
  if (input.exitWhenDone) return end(input, demo, rollout, context);
  await stopped(context.operation.signal);
  return 0;
}

async function start(input: FleetDemoInput, root: string, context: CommandContext): Promise<Demo> {
  const { devices, listen, badImage } = input;
  const pages = await builtConsolePages(context.operation);
  return await startDemo({
    ...context.operation,
    ...listen,
    root,
    devices,
    failures: {
      slowPercent: 0,
      flakyPercent: 5,
      badImagePercent: badImage,
      offlinePercent: 0,
      clockSkewMs: 5000,
    },
    ...pages,
    onServing: ({ url, user, password }) => {
      if (input.json) return;
      context.print(`${url}\nuser ${user}, password ${password}\n`);
    },
  });
}

function end(input: FleetDemoInput, demo: Demo, rollout: Rollout, context: CommandContext): number {
  const answer = { rollout, devices: demo.simulation.summary() };
  emit(context, input, answer, ({ devices }) => [
    `rollout ${demo.rollout} ${rollout.status.state}`,
    ...simulationWords(devices),
  ]);
  return rollout.status.state === 'succeeded' ? 0 : 1;
}

function sayRollout({ metadata, status }: Rollout, { operation: { log } }: CommandContext): void {
  const { total, updating, succeeded, failed } = status.counts;
  log.info('rollout', { rollout: metadata.name, state: status.state, total, updating, succeeded, failed });
}

interface DemoDirectory extends AsyncDisposable {
  readonly path: string;
}

async function demoDirectory(given: string | undefined): Promise<DemoDirectory> {
  if (given === undefined) return await makeTempDir('fleet-demo');
  await mkdir(given, { recursive: true, mode: 0o700 });
  if ((await readdir(given)).length > 0) {
    throw new SlipwayError('USAGE', `cannot show a fleet in ${given}: it is not empty`, {
      hint: 'name a new directory, or leave --root out; slipway fleet serve goes on with the server in it',
    });
  }
  return { path: given, [Symbol.asyncDispose]: async () => undefined };
}

async function stopped(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => resolve(), { once: true });
  if (signal.aborted) resolve();
  await promise;
}
