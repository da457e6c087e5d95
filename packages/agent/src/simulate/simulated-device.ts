import { type Clock, type Logger, messageOf } from '@slipway/core';
import { FleetProblem, type Labels, type Transport, type UpdatePhase } from '@slipway/fleet-api';
import { enrol } from '../protocol/enrol.ts';
import { FleetLink } from '../protocol/fleet-link.ts';
import type { DeviceIdentity } from '../protocol/identity.ts';
import { memoryRecordStore, type RecordStore } from '../record/record-store.ts';
import { type AgentEnd, DeviceAgent } from '../run/device-agent.ts';
import { pause } from '../run/pause.ts';
import { backOff } from '../run/waiting.ts';
import type { DeviceNature } from './failure-model.ts';
import type { SimulatedHost } from './simulated-host.ts';
import type { Tally } from './tally.ts';

export interface SimulatedDeviceOptions {
  readonly number: number;
  readonly hostname: string;
  readonly server: string;
  readonly authority: string | undefined;
  readonly token: string;
  readonly labels: Labels;
  readonly host: SimulatedHost;
  readonly nature: DeviceNature;
  readonly random: () => number;
  readonly longPoll: boolean;
  /** Stands between it and its server, once it has enrolled. */
  readonly through: (transport: Transport) => Transport;
  readonly onPhase: (phase: UpdatePhase) => void;
  readonly tally: Tally;
  readonly clock: Clock;
  readonly log: Logger;
}

const LONGEST_SPELL_MS = 60_000;
const LOST_SHARE = 1 / 5;

/** A device with a key and certificate of its own, a host that is played, and the agent that real hosts have. */
export class SimulatedDevice {
  readonly #options: SimulatedDeviceOptions;
  readonly #store: RecordStore = memoryRecordStore();
  #identity: DeviceIdentity | undefined;

  constructor(options: SimulatedDeviceOptions) {
    this.#options = options;
  }

  get bootedDigest(): string {
    return this.#options.host.bootedDigest;
  }

  /** Tries until it is let in: a flaky network is part of the play. */
  async enrol(signal: AbortSignal): Promise<void> {
    const { server, authority, token, labels, hostname, random, tally, log } = this.#options;
    const { makeDeviceKey } = await import('../protocol/device-key.ts');
    const key = await makeDeviceKey();
    for (let failures = 1; this.#identity === undefined; failures += 1) {
      try {
        this.#identity = await enrol({ server, authority, key, ask: { token, labels, hostname }, signal });
      } catch (thrown) {
        if (signal.aborted || isRefusal(thrown)) throw thrown;
        log.warn('a simulated device could not enrol', { device: hostname, reason: messageOf(thrown) });
        await pause(backOff(failures, random()), signal);
      }
    }
    tally.enrolled += 1;
  }

  /** From one boot to the next, until the signal or the fleet ends it. */
  async run(signal: AbortSignal): Promise<void> {
    const { host, tally, nature, random } = this.#options;
    while (!signal.aborted) {
      const power = nature.isOftenOff ? AbortSignal.timeout(1000 + random() * LONGEST_SPELL_MS) : signal;
      const end = await this.#boot(power === signal ? signal : AbortSignal.any([signal, power]));
      if (end === 'forgotten') {
        tally.decommissioned += 1;
        return;
      }
      if (signal.aborted) return;
      if (end === 'restarting') {
        tally.restarts += 1;
        await host.restart(signal);
      } else {
        host.losePower();
        await pause(random() * LONGEST_SPELL_MS, signal);
      }
    }
  }

  async #boot(power: AbortSignal): Promise<AgentEnd> {
    const { server, host, nature, random, longPoll, tally, clock, log, onPhase } = this.#options;
    const identity = this.#identity;
    if (identity === undefined) throw new Error('a device runs after it has enrolled');
    const keep = async (renewed: DeviceIdentity): Promise<void> => {
      this.#identity = renewed;
    };
    const through = (to: Transport): Transport => {
      const passed = this.#options.through(to);
      return nature.isFlaky ? lossy(passed, random) : passed;
    };
    using link = new FleetLink({ server, identity, keep, through });
    const agent = new DeviceAgent({
      host,
      store: this.#store,
      link,
      longPoll,
      random,
      log,
      clock: { nowMs: () => clock.nowMs() + nature.clockSkewMs },
      onCheckIn: (outcome) => {
        tally[outcome] += 1;
      },
      onPhase,
    });
    return await agent.run(power);
  }
}

/** A network that loses requests before the server hears of them. */
function lossy(to: Transport, random: () => number): Transport {
  return async (request) => {
    if (random() < LOST_SHARE) throw new Error('the network lost the request');
    return await to(request);
  };
}

/** The server answered, and will answer the same next time. */
function isRefusal(thrown: unknown): boolean {
  return thrown instanceof FleetProblem && thrown.problem.status < 500;
}
