/**
 * A fleet server under the load of its devices, in a process of its own as a user starts it, everything on this machine.
 *
 *     make bench-fleet [DEVICES=100000] [EVERY=60] [SECONDS_RUN=300] [DATABASE=postgres://…] [KEPT=8000]
 *
 * Every device has a key and certificate of its own, and checks in once a minute, or every so many seconds as EVERY says: fewer devices
 * that come more often make the same rate. Connections are held in between, as agents hold them, where the devices are no more than KEPT;
 * else each comes back by the session it had. What was measured is printed, and written to `build/bench-fleet.json`. A goal that is missed
 * is said and fails nothing, as machines differ; a check-in that is lost does.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { makeTempDir, SlipwayError } from '@slipway/core';
import { enrolDevices, FLEET } from './fleet/enrol-devices.ts';
import { type Measure, startMeasuredServer } from './fleet/measured-server.ts';
import { FIRST_PAGE, listPages, type PageTime, timePages } from './fleet/pages.ts';
import { type LoadResult, steadyLoad } from './fleet/steady-load.ts';

const RESULT = 'build/bench-fleet.json';

const devices = wholeNumber('DEVICES', 100_000);
const everySeconds = wholeNumber('EVERY', 60);
const seconds = wholeNumber('SECONDS_RUN', 300);
/** Processes may have so many files open, and no more. */
const kept = wholeNumber('KEPT', 8000);
const database = process.env['DATABASE'];

await using directory = await makeTempDir('bench-fleet');
await using server = await startMeasuredServer(directory.path, database);
const startedMs = performance.now();
const atStart = await server.measure();
const fleet = await enrolDevices(server, devices, kept);
const enrolSeconds = (performance.now() - startedMs) / 1000;
const enrolled = await server.measure();
const loadUsedMs = usedHereMs();
process.stdout.write(
  `${devices} devices enrolled in ${enrolSeconds.toFixed(0)} s; ${seconds} s of check-ins\n`,
);
const load = await steadyLoad(fleet, everySeconds * 1000, seconds * 1000);
const after = await server.measure();
for (const device of fleet) device.close();
const pages = await pageTimes();
const { total } = await server.admin.call('devices.list', { query: { limit: 1 } });
const result = resultOf(load, total);
await mkdir('build', { recursive: true });
await writeFile(RESULT, `${JSON.stringify(result, undefined, 2)}\n`);
process.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`);
for (const failure of load.failures) process.stdout.write(`lost: ${failure}\n`);
for (const missed of missedGoals(result)) process.stdout.write(`NOT REACHED: ${missed}\n`);
process.exitCode = result.lost === 0 ? 0 : 1;

interface Result {
  readonly devices: number;
  readonly everySeconds: number;
  readonly seconds: number;
  readonly database: 'sqlite' | 'postgres';
  readonly connections: 'held' | 'resumed';
  readonly checkIn: {
    readonly count: number;
    readonly perSecond: number;
    readonly p50Ms: number;
    readonly p99Ms: number;
    /** Of the server, which no other load of the machine changes. */
    readonly serverCpuMs: number;
    readonly diskBytes: number;
  };
  readonly enrolment: {
    readonly perSecond: number;
    readonly serverCpuMs: number;
    /** Of the devices, which are on this machine, too. */
    readonly loadCpuMs: number;
  };
  /** As they were asked for first, and again. */
  readonly pages: readonly PageTime[];
  readonly rssBytes: number;
  /** Check-ins that were not answered well, and devices the server has not. */
  readonly lost: number;
}

function resultOf({ checkIns, perSecond, p50Ms, p99Ms, failed }: LoadResult, known: number): Result {
  return {
    devices,
    everySeconds,
    seconds,
    database: database === undefined ? 'sqlite' : 'postgres',
    connections: devices <= kept ? 'held' : 'resumed',
    checkIn: { count: checkIns, perSecond, p50Ms, p99Ms, ...usedFor(enrolled, after, checkIns) },
    enrolment: {
      perSecond: rounded(devices / enrolSeconds),
      serverCpuMs: usedFor(atStart, enrolled, devices).serverCpuMs,
      loadCpuMs: rounded(loadUsedMs / devices),
    },
    pages,
    rssBytes: after.rssBytes,
    lost: failed + Math.abs(devices - known),
  };
}

function usedFor(before: Measure, now: Measure, times: number): { serverCpuMs: number; diskBytes: number } {
  const each = Math.max(1, times);
  return {
    serverCpuMs: rounded((now.cpuMs - before.cpuMs) / each),
    diskBytes: Math.round((now.diskBytes - before.diskBytes) / each),
  };
}

/** What the pages of people ask at this size. */
async function pageTimes(): Promise<readonly PageTime[]> {
  const { items } = await server.admin.call('devices.list', { query: { limit: 1 } });
  const { items: rollouts } = await server.admin.call('rollouts.list', { query: { fleet: FLEET, limit: 1 } });
  const seen = {
    fleet: FLEET,
    device: items[0]?.metadata.name ?? '',
    rollout: rollouts[0]?.metadata.name ?? '',
    selector: 'stage=canary',
    search: 'bench-77',
    nearEnd: 'f',
  };
  return await timePages(server, [FIRST_PAGE, ...listPages(seen)]);
}

/** Of processors, by this process. */
function usedHereMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function missedGoals({ checkIn, rssBytes, pages: times }: Result): readonly string[] {
  const wanted = (devices / everySeconds) * 0.99;
  const found: (string | false)[] = [
    checkIn.perSecond < wanted && `${checkIn.perSecond} check-ins a second of ${wanted.toFixed(1)}`,
    checkIn.p99Ms >= 100 && `a p99 of ${checkIn.p99Ms} ms, not below 100`,
    rssBytes >= 10 ** 9 && `${rssBytes} bytes of memory, not below 10^9`,
    ...times.map(
      ({ page, warmMs, boundMs }) =>
        warmMs >= boundMs && `${page} in ${warmMs.toFixed(0)} ms, not below ${boundMs}`,
    ),
  ];
  return found.filter((each) => each !== false);
}

function wholeNumber(name: string, otherwise: number): number {
  const text = process.env[name];
  if (text === undefined || text === '') return otherwise;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new SlipwayError('USAGE', `cannot use ${name}=${text}`, { hint: 'give a whole number above 0' });
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
