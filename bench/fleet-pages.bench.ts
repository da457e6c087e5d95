/**
 * What people wait for whose fleet is large: every page of the console over HTTP, from a server whose rollout is under way.
 *
 *     node bench/fleet-pages.bench.ts [DEVICES] [DIRECTORY]
 *
 * `DATABASE=postgres://…` names an empty database of PostgreSQL; without it there is a file. A DIRECTORY is kept, and used again as it was
 * left: filling takes longer than measuring.
 */
import { existsSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeTempDir } from '@slipway/core';
import { deviceName, fillFleet, LARGE_FLEET, LAST_RELEASE, ROLLOUT } from './fleet/fill-fleet.ts';
import { startMeasuredServer } from './fleet/measured-server.ts';
import { FIRST_PAGE, listPages, type PageAsk, type PageTime, timePages } from './fleet/pages.ts';
import { stallsDuring } from './fleet/stalls.ts';
import { boundRow, printRows, tableOf } from './rows.ts';

const DEVICES = Number(process.argv[2] ?? 100_000);
const PLAN_MS = 5000;
/** What a check-in may take that comes in the middle of whatever else the server does. */
const STALL_MS = 100;
const LOOK_AT_STEPS_MS = 20_000;

await using temporary = await makeTempDir('bench-pages');
const directory = process.argv[3] ?? temporary.path;
const database = process.env['DATABASE'];
const where = database ?? join(directory, 'fleet.db');
if (database !== undefined || !existsSync(where)) {
  const beganMs = performance.now();
  const filled = await fillFleet(where, DEVICES);
  process.stdout.write(`${filled} devices in ${((performance.now() - beganMs) / 1000).toFixed(0)} s\n`);
}
await using server = await startMeasuredServer(directory, database);
const seen = {
  fleet: LARGE_FLEET,
  device: deviceName(1),
  rollout: ROLLOUT,
  selector: 'stage=canary,region in (region-1,region-2)',
  search: 'shop-77',
  nearEnd: 'device-ffd',
};
const plan: PageAsk = {
  page: 'the plan of a rollout',
  boundMs: PLAN_MS,
  ask: async (admin) =>
    await admin.call('rollouts.plan', { body: { fleet: LARGE_FLEET, release: LAST_RELEASE } }),
};
const beginning = await stallsDuring(server.admin, async () => await untilBegun());
const before = await server.measure();
const idle = await stallsDuring(server.admin, async () => await sleep(LOOK_AT_STEPS_MS));
const after = await server.measure();
let times: readonly PageTime[] = [];
const looking = await stallsDuring(server.admin, async () => {
  times = await timePages(server, [FIRST_PAGE, ...listPages(seen)]);
});
let planned: readonly PageTime[] = [];
const planning = await stallsDuring(server.admin, async () => {
  planned = await timePages(server, [plan], 1);
});

const all = [...times, ...planned];
const cells = all.map(({ page, boundMs, coldMs, warmMs, cpuMs }) => [
  page,
  `${coldMs.toFixed(0)} ms`,
  `${warmMs.toFixed(0)} ms`,
  `${cpuMs.toFixed(0)} ms`,
  warmMs < boundMs ? '' : `NOT below ${boundMs} ms`,
]);
process.stdout.write(tableOf([['page', 'cold', 'warm', 'CPU', ''], ...cells], 1));
const shareOfProcessor = (after.cpuMs - before.cpuMs) / LOOK_AT_STEPS_MS;
process.stdout.write(
  `steps of the rollout: ${(shareOfProcessor * 100).toFixed(0)} % of a processor; ${(after.rssBytes / 2 ** 20).toFixed(0)} MiB at most; ` +
    `${((after.diskBytes - before.diskBytes) / 2 ** 20).toFixed(1)} MiB written in ${LOOK_AT_STEPS_MS / 1000} s; load ${loadavg()[0]?.toFixed(1)}\n`,
);
const stalls = { beginning, idle, looking, planning };
for (const [when, { p99Ms, longestMs }] of Object.entries(stalls))
  process.stdout.write(`stalls, ${when}: p99 ${p99Ms.toFixed(0)} ms, longest ${longestMs.toFixed(0)} ms\n`);
printRows([
  ...all.map(({ page, boundMs, warmMs, cpuMs }) => ({
    ...boundRow(page, warmMs, boundMs),
    cpuRatio: cpuMs / boundMs,
  })),
  boundRow('the first page, cold', times[0]?.coldMs ?? Number.NaN, FIRST_PAGE.boundMs),
  boundRow('a request while a rollout is stepped, p99', idle.p99Ms, STALL_MS),
]);

/** The first step gives every device its place. */
async function untilBegun(): Promise<void> {
  for (;;) {
    const { status } = await server.admin.call('rollouts.get', { params: { name: ROLLOUT } });
    if (status.startedAt !== null) return;
    await sleep(500);
  }
}
