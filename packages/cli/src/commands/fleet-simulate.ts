import { readFile } from 'node:fs/promises';
import { type SimulationSummary, simulatedImage, startSimulation } from '@slipway/agent';
import { messageOf, SlipwayError } from '@slipway/core';
import type { ImageRef } from '@slipway/fleet-api';
import type { CommandContext } from '../command/spec.ts';
import { asErrors } from '../fleet/server-refusal.ts';
import { emit } from '../output/emit.ts';
import { simulationWords } from '../render/simulation.ts';

interface FleetSimulateInput {
  readonly devices: number;
  readonly server: string;
  readonly ca: string | undefined;
  readonly token: string;
  readonly image: string;
  readonly label: readonly (readonly [string, string])[];
  readonly slow: number;
  readonly flaky: number;
  readonly badImage: number;
  readonly offline: number;
  readonly clockSkew: number;
  readonly downloadTime: number;
  readonly restartTime: number;
  readonly for: number | undefined;
  readonly seed: string;
  readonly json: boolean;
}

const SAY_EVERY_MS = 10_000;

/** `slipway fleet simulate`: runs until it is told to stop, which is a good end. */
export async function fleetSimulate(input: FleetSimulateInput, context: CommandContext): Promise<number> {
  const { signal, log } = context.operation;
  const over =
    input.for === undefined ? signal : AbortSignal.any([signal, AbortSignal.timeout(input.for * 1000)]);
  const options = { ...context.operation, ...(await optionsOf(input)) };
  await using simulation = await asErrors(async () => await startSimulation(options));
  log.info('all devices have enrolled', { devices: input.devices });
  const saying = setInterval(() => sayPhases(simulation.summary(), context), SAY_EVERY_MS);
  try {
    await Promise.race([simulation.ended, stopped(over)]);
  } finally {
    clearInterval(saying);
  }
  emit(context, input, simulation.summary(), simulationWords);
  return 0;
}

async function optionsOf(input: FleetSimulateInput) {
  const { devices, token, seed, downloadTime, restartTime } = input;
  const labels = Object.fromEntries(input.label);
  return {
    devices,
    token,
    seed,
    server: checkServer(input.server),
    authority: input.ca === undefined ? undefined : await readAuthority(input.ca),
    image: imageOf(input.image),
    labels: () => labels,
    downloadMs: downloadTime * 1000,
    restartMs: restartTime * 1000,
    failures: {
      slowPercent: input.slow,
      flakyPercent: input.flaky,
      badImagePercent: input.badImage,
      offlinePercent: input.offline,
      clockSkewMs: input.clockSkew * 1000,
    },
  };
}

function checkServer(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'https:' && url.pathname === '/' && url.search === '') return url.origin;
  throw new SlipwayError('USAGE', `cannot use '${text}' for --server`, {
    hint: 'give it as https://HOST:PORT',
  });
}

async function readAuthority(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new SlipwayError('USAGE', `cannot read ${path}: ${messageOf(cause)}`, {
      hint: 'slipway fleet serve writes authority.pem into its directory',
      cause,
    });
  }
}

function imageOf(text: string): ImageRef {
  const at = text.indexOf('@');
  return at === -1 ? simulatedImage(text) : { reference: text.slice(0, at), digest: text.slice(at + 1) };
}

function sayPhases({ phases, checkIns }: SimulationSummary, { operation: { log } }: CommandContext): void {
  log.info('devices by what they are at', { ...phases, checkIns: checkIns.answered });
}

async function stopped(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => resolve(), { once: true });
  if (signal.aborted) resolve();
  await promise;
}
