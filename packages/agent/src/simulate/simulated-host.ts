import { randomUUID } from 'node:crypto';
import { VERSION } from '@slipway/core';
import type { ImageRef } from '@slipway/fleet-api';
import type { AgentHost } from '../host/agent-host.ts';
import type { ObservedHost } from '../plan/situation.ts';
import type { Executors } from '../plan/step.ts';
import { pause } from '../run/pause.ts';
import type { DeviceNature } from './failure-model.ts';

export interface SimulatedHostOptions {
  readonly image: ImageRef;
  readonly architecture: string;
  readonly nature: DeviceNature;
  readonly downloadMs: number;
  readonly restartMs: number;
  readonly random: () => number;
}

const SLOWER = 10;

/** A host that is played: images are names, downloads and restarts are time. It fails as its nature says, and goes back by itself then. */
export class SimulatedHost implements AgentHost {
  readonly #options: SimulatedHostOptions;
  readonly #factor: number;
  #bootId: string = randomUUID();
  #booted: ImageRef;
  #staged: ImageRef | null = null;
  #rollback: ImageRef | null = null;
  #next: ImageRef | null = null;
  #fallback: ObservedHost['fallback'] = null;
  #configDigest: string | null = null;
  #oldConfigDigest: string | null = null;

  constructor(options: SimulatedHostOptions) {
    this.#options = options;
    this.#booted = options.image;
    // No two machines are equally fast.
    this.#factor = (0.5 + options.random()) * (options.nature.isSlow ? SLOWER : 1);
  }

  get bootedDigest(): string {
    return this.#booted.digest;
  }

  async observe(): Promise<ObservedHost> {
    return {
      bootId: this.#bootId,
      image: { booted: this.#booted, staged: this.#staged, rollback: this.#rollback },
      health: { state: 'healthy', checks: [{ name: 'simulated', state: 'passed' }] },
      configDigest: this.#configDigest,
      fallback: this.#fallback,
      about: {
        agentVersion: VERSION,
        architecture: this.#options.architecture,
        timeZone: 'UTC',
        etcDriftCount: 0,
        freeBytes: 8 * 1024 ** 3,
        facts: { simulated: true, slow: this.#options.nature.isSlow, flaky: this.#options.nature.isFlaky },
      },
    };
  }

  readonly executors: Executors = {
    stage: async ({ image }, signal) => {
      await pause(this.#options.downloadMs * this.#factor, signal);
      if (this.#options.nature.isFlaky && this.#options.random() < 1 / 5) {
        throw new Error('the connection to the registry broke');
      }
      this.#staged = image;
    },
    unstage: async () => {
      this.#staged = null;
    },
    reboot: async ({ image }) => {
      this.#next = image;
    },
    'go-back': async ({ image }) => {
      this.#next = image ?? this.#rollback;
    },
    configure: async ({ config }) => {
      this.#oldConfigDigest = this.#configDigest;
      this.#configDigest = config.digest;
    },
    'keep-configuration': async () => {
      this.#oldConfigDigest = this.#configDigest;
    },
    'revert-configuration': async () => {
      this.#configDigest = this.#oldConfigDigest;
    },
    forget: async () => {
      this.#configDigest = null;
    },
  };

  /** Off, and on again with what boots next. A bad image is tried, found bad, and left. */
  async restart(signal: AbortSignal): Promise<void> {
    const { restartMs, nature, image } = this.#options;
    await pause(restartMs * this.#factor, signal);
    const [before, next] = [this.#booted, this.#next];
    this.#bootId = randomUUID();
    this.#next = null;
    if (next === null || next.digest === before.digest) return;
    const isNew = next.digest !== image.digest && next.digest !== this.#rollback?.digest;
    this.#staged = null;
    if (isNew && nature.failsNewImages) {
      await pause(restartMs * this.#factor, signal);
      const failure = {
        code: 'HEALTH_CHECK_FAILED',
        message: 'the health check simulated failed; the host went back',
      };
      this.#fallback = { digest: next.digest, failure };
      return;
    }
    this.#rollback = before;
    this.#booted = next;
    this.#fallback = null;
  }

  /** The plug was pulled: what was to boot next was not finished. */
  losePower(): void {
    this.#next = null;
    this.#bootId = randomUUID();
  }
}
