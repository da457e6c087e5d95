import { silentLog, systemClock } from '@slipway/core';
import type { CheckIn, CheckInAnswer, DesiredState, DeviceReport } from '@slipway/fleet-api';
import { expect, test } from 'vitest';
import type { AgentHost } from '../host/agent-host.ts';
import type { ObservedHost } from '../plan/situation.ts';
import type { Executors } from '../plan/step.ts';
import { memoryRecordStore } from '../record/record-store.ts';
import { simulatedImage } from '../simulate/simulate.ts';
import { SimulatedHost } from '../simulate/simulated-host.ts';
import { type AgentEnd, DeviceAgent } from './device-agent.ts';
import { pause } from './pause.ts';

const V1 = simulatedImage('r.example/os:v1');
const V2 = simulatedImage('r.example/os:v2');
const CONFIG = { digest: `sha256:${'c'.repeat(64)}`, files: [], apps: [], trySeconds: 1 };
const OTHER_DIGEST = `sha256:${'d'.repeat(64)}`;
const NOTHING: DesiredState = {
  action: 'none',
  updateId: null,
  release: null,
  image: null,
  notBefore: null,
  deadline: null,
  downloadBytesPerSecond: null,
  stableSeconds: 0,
  denied: [],
  config: { digest: null, files: [], apps: [], trySeconds: null },
  decommission: false,
};

/** The other end of the line, as the contract says; the line can be cut. */
class Line {
  desired = NOTHING;
  report: DeviceReport | undefined;
  isCut = false;
  renewals = 0;
  tries = 0;
  #tag = 0;

  want(desired: Partial<DesiredState>): void {
    this.desired = { ...NOTHING, ...desired };
    this.#tag += 1;
  }

  async checkIn(said: CheckIn, signal: AbortSignal): Promise<CheckInAnswer> {
    this.tries += 1;
    if (this.isCut) throw new Error('no route to host');
    this.report = said.report ?? this.report;
    for (let ms = 0; said.desiredTag === String(this.#tag) && ms < (said.waitSeconds ?? 0) * 1000; ms += 20) {
      await pause(20, signal);
      if (this.isCut) throw new Error('no route to host');
    }
    const isNew = said.desiredTag !== String(this.#tag);
    return {
      desiredTag: String(this.#tag),
      ...(isNew ? { desired: this.desired } : {}),
      reportWanted: false,
      intervalSeconds: 5,
      renewCertificate: this.renewals === 0,
      serverTime: new Date().toISOString(),
    };
  }

  async renew(): Promise<void> {
    this.renewals += 1;
  }
}

function makeHost(downloadMs: number): SimulatedHost {
  const nature = { isSlow: false, isFlaky: false, failsNewImages: false, isOftenOff: false, clockSkewMs: 0 };
  return new SimulatedHost({
    image: V1,
    architecture: 'amd64',
    nature,
    downloadMs,
    restartMs: 0,
    random: () => 0.5,
  });
}

interface Running extends AsyncDisposable {
  readonly line: Line;
  readonly end: Promise<AgentEnd>;
}

function start(host: AgentHost, line = new Line(), store = memoryRecordStore()): Running {
  const off = new AbortController();
  const agent = new DeviceAgent({
    host,
    store,
    link: line,
    clock: systemClock,
    log: silentLog,
    longPoll: true,
  });
  const end = agent.run(off.signal);
  return {
    line,
    end,
    [Symbol.asyncDispose]: async () => {
      off.abort();
      await end;
    },
  };
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await pause(10, AbortSignal.timeout(50_000));
}

test('keeps configuration with which the server is heard of again', async () => {
  await using running = start(makeHost(0));
  const { line } = running;
  line.want({ config: { ...CONFIG, trySeconds: 3600 } });
  await until(() => line.report?.configDigest === CONFIG.digest);
  line.want({ config: { ...CONFIG, digest: OTHER_DIGEST, trySeconds: 3600 } });
  // The second is only tried once the first was kept.
  await until(() => line.report?.configDigest === OTHER_DIGEST);
});

test('takes back configuration that cuts it off, says so, and does not try it again', async () => {
  const [inner, line] = [makeHost(0), new Line()];
  let tries = 0;
  const host: AgentHost = {
    observe: async () => await inner.observe(),
    executors: {
      ...inner.executors,
      configure: async (step, signal) => {
        tries += 1;
        line.isCut = true;
        await inner.executors.configure(step, signal);
      },
      'revert-configuration': async (step, signal) => {
        await inner.executors['revert-configuration'](step, signal);
        line.isCut = false;
      },
    },
  };
  await using _running = start(host, line);
  line.want({ config: CONFIG });
  await until(() => line.report?.facts['config.rejected'] !== undefined);
  expect(line.report?.configDigest).toBeUndefined();
  expect(tries).toBe(1);
});

test('stops a download whose order is taken back', async () => {
  await using running = start(makeHost(3_600_000));
  const { line } = running;
  line.want({ action: 'download', updateId: 'spring/1', image: V2 });
  await until(() => line.report?.update.phase === 'downloading');
  line.want({});
  await until(() => line.report?.update.phase === 'idle');
  expect(line.report?.image.staged).toBeNull();
});

test('talks while a step takes long, renews its certificate when told to, and restarts when the order says so', async () => {
  const inner = makeHost(0);
  const download = Promise.withResolvers<void>();
  const stage: Executors['stage'] = async (step, signal) => {
    await download.promise;
    await inner.executors.stage(step, signal);
  };
  const observe = async (): Promise<ObservedHost> => await inner.observe();
  await using running = start({ observe, executors: { ...inner.executors, stage } });
  const { line, end } = running;
  line.want({ action: 'apply', updateId: 'spring/1', image: V2 });
  await until(() => line.report?.update.phase === 'downloading');
  download.resolve();
  expect(await end).toBe('restarting');
  expect(line.report?.update).toMatchObject({ phase: 'rebooting', updateId: 'spring/1', target: V2.digest });
  expect(line.renewals).toBeGreaterThan(0);
});

test('goes on with what it was at after a restart', async () => {
  const [host, line, store] = [makeHost(0), new Line(), memoryRecordStore()];
  line.want({ action: 'apply', updateId: 'spring/1', image: V2 });
  await using before = start(host, line, store);
  expect(await before.end).toBe('restarting');
  await host.restart(AbortSignal.timeout(50_000));
  await using _after = start(host, line, store);
  await until(() => line.report?.update.phase === 'succeeded');
  expect(line.report?.image.booted).toEqual(V2);
});

test('ends when it is decommissioned', async () => {
  await using running = start(makeHost(0));
  running.line.want({ decommission: true });
  expect(await running.end).toBe('forgotten');
});
