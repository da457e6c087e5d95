import { hash } from 'node:crypto';
import {
  type Clock,
  type Logger,
  type OperationOptions,
  operation,
  startTask,
  systemClock,
} from '@slipway/core';
import type { ImageRef, Labels, Transport, UpdatePhase } from '@slipway/fleet-api';
import { drawNature, type FailureModel, NO_FAILURES } from './failure-model.ts';
import { seededRandom } from './random.ts';
import { SimulatedDevice } from './simulated-device.ts';
import { SimulatedHost } from './simulated-host.ts';
import { type SimulationSummary, Tally } from './tally.ts';

/** A fleet that is played. */
export interface SimulationOptions extends OperationOptions {
  readonly devices: number;
  /** `https://HOST:PORT`. */
  readonly server: string;
  /** Certificates to check the server with, PEM; without them those of the system. */
  readonly authority?: string | undefined;
  /** Enrolment token with enough uses. */
  readonly token: string;
  /** Image they run when they enrol; default: one nobody made. */
  readonly image?: ImageRef;
  /** Labels each asks for, by its number from 1. */
  readonly labels?: (device: number) => Labels;
  readonly failures?: FailureModel;
  /** Mean times of a download and a restart. */
  readonly downloadMs?: number;
  readonly restartMs?: number;
  /** The same seed, the same natures. */
  readonly seed?: string;
  readonly clock?: Clock;
  /** Stands between the devices and their server once they have enrolled, as a load balancer does. */
  readonly through?: (transport: Transport) => Transport;
  /** Hears how far a device, by its number, has come with an update, before the server does. */
  readonly onPhase?: (device: number, phase: UpdatePhase) => void;
}

/** Devices at work; disposing of it switches them off. */
export interface Simulation extends AsyncDisposable {
  readonly summary: () => SimulationSummary;
  /** Rejects when a device fails in a way no device should, ends when all are switched off or decommissioned. */
  readonly ended: Promise<void>;
}

const DOWNLOAD_MS = 10_000;
const RESTART_MS = 5000;
/** So many enrol at once: keys and handshakes cost the server and this process time. */
const ENROLLING = 16;
/** More connections than this are not held open for answers to come. */
const MAX_WAITING = 2000;

/** An image nobody made: its digest is that of its name. */
export function simulatedImage(reference: string): ImageRef {
  return { reference, digest: `sha256:${hash('sha256', reference, 'hex')}` };
}

/**
 * Enrols simulated devices, each with its own key and certificate, and lets them run: they speak the protocol of devices with the
 * agent of real hosts; only what they do to themselves is played. Answers when all have enrolled.
 *
 * @throws FleetProblem when the server refuses one, as when the token is used up
 */
export async function startSimulation(options: SimulationOptions): Promise<Simulation> {
  const { signal, log, progress } = operation(options);
  const off = new AbortController();
  const both = AbortSignal.any([signal, off.signal]);
  const tally = new Tally();
  const devices = Array.from({ length: options.devices }, (_, index) =>
    makeDevice(options, index + 1, tally, log),
  );
  const runs: Promise<void>[] = [];
  const task = startTask(progress, 'enrol devices', 'items', devices.length);
  const waiting = devices.values();
  const enrolSome = async (): Promise<void> => {
    for (const device of waiting) {
      await device.enrol(both);
      task.advance(1);
      runs.push(untilOff(device.run(both), both));
    }
  };
  try {
    await Promise.all(Array.from({ length: ENROLLING }, enrolSome));
  } catch (thrown) {
    off.abort();
    await Promise.allSettled(runs);
    throw thrown;
  } finally {
    task.end();
  }
  const ended = Promise.all(runs).then(() => undefined);
  // Whoever disposes without asking has seen enough.
  ended.catch(() => undefined);
  return {
    ended,
    summary: () =>
      tally.summary(
        devices.length,
        devices.map(({ bootedDigest }) => bootedDigest),
      ),
    [Symbol.asyncDispose]: async () => {
      off.abort();
      await ended;
    },
  };
}

function makeDevice(options: SimulationOptions, number: number, tally: Tally, log: Logger): SimulatedDevice {
  const { server, authority, token, labels, seed = 'slipway', failures = NO_FAILURES } = options;
  const random = seededRandom(`${seed}/${number}`);
  const nature = drawNature(failures, random);
  const host = new SimulatedHost({
    image: options.image ?? simulatedImage('registry.example/simulated:v1'),
    architecture: 'amd64',
    nature,
    random,
    downloadMs: options.downloadMs ?? DOWNLOAD_MS,
    restartMs: options.restartMs ?? RESTART_MS,
  });
  return new SimulatedDevice({
    number,
    hostname: `simulated-${String(number).padStart(String(options.devices).length, '0')}`,
    server,
    authority,
    token,
    labels: labels?.(number) ?? {},
    host,
    nature,
    random,
    longPoll: options.devices <= MAX_WAITING,
    through: options.through ?? ((transport) => transport),
    onPhase: (phase) => {
      tally.setPhase(number, phase);
      options.onPhase?.(number, phase);
    },
    tally,
    clock: options.clock ?? systemClock,
    log,
  });
}

/** Being switched off is a good end. */
async function untilOff(run: Promise<void>, signal: AbortSignal): Promise<void> {
  try {
    await run;
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
  }
}
