/**
 * What a whole step of a large rollout costs the thread that decides: reading what changed, deciding, and making what is written. Devices
 * do at once what they were told.
 *
 *     node bench/rollout-step.bench.ts [DEVICES] [FILE]
 *
 * A FILE is kept, and used again as it was left: filling takes longer than measuring.
 */
import { existsSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import { openDatabase } from '../packages/fleet/src/database/database.ts';
import { decideStep, type GivenOrder } from '../packages/fleet/src/rollouts/decide-step.ts';
import { findRollout } from '../packages/fleet/src/rollouts/rollout-store.ts';
import { RolloutMemory } from '../packages/fleet/src/rollouts/step-memory.ts';
import { writeStep } from '../packages/fleet/src/rollouts/write-step.ts';
import { fillFleet, ROLLOUT } from './fleet/fill-fleet.ts';
import { boundRow, printRows } from './rows.ts';

const DEVICES = Number(process.argv[2] ?? 100_000);
const ORGANISATION = 'default';
const STEPS = 12;
const GOAL_MS = 1000;
const EVERY_MS = 2000;

await using temporary = await makeTempDir('bench-step');
const file = process.argv[3] ?? join(temporary.path, 'fleet.db');
if (!existsSync(file)) await fillFleet(file, DEVICES);
await using database = await openDatabase(file);
const memory = new RolloutMemory();
/** Of a file that was kept, nobody was heard of since. */
const { seen_ms: newestMs } = await database.reads
  .selectFrom('device_presence')
  .select('seen_ms')
  .orderBy('seen_ms', 'desc')
  .limit(1)
  .executeTakeFirstOrThrow();
const first = await timedStep(0);
const later: number[] = [];
for (let step = 1; step < STEPS; step += 1) later.push(await timedStep(step));
process.stdout.write(`load ${loadavg()[0]?.toFixed(1)}\n`);
printRows([
  boundRow(`the first step over ${DEVICES} devices, CPU`, first, GOAL_MS),
  boundRow(`the slowest of the next ${STEPS - 1}, CPU`, Math.max(...later), GOAL_MS),
]);

/** @returns milliseconds of a processor, without those of writing */
async function timedStep(number: number): Promise<number> {
  const row = await findRollout(database.reads, ORGANISATION, ROLLOUT);
  if (row === undefined) throw new Error('there is no rollout');
  const before = process.cpuUsage();
  const beganMs = performance.now();
  const context = {
    presence: { lastSeen: () => undefined },
    alerts: [],
    nowMs: newestMs + number * EVERY_MS,
    step: `step-${number}`,
  };
  const outcome = await decideStep(database.reads, row, context, memory);
  const tookMs = performance.now() - beganMs;
  const { user, system } = process.cpuUsage(before);
  if (outcome === undefined) throw new Error('it has not begun');
  await database.transact(async (transaction) => await writeStep(transaction, row, outcome));
  await obey(outcome.orders);
  const cpuMs = (user + system) / 1000;
  process.stdout.write(
    `step ${number}: ${tookMs.toFixed(0)} ms (CPU ${cpuMs.toFixed(0)} ms), ${outcome.orders.length} told\n`,
  );
  return cpuMs;
}

/** As if every device had reported. */
async function obey(orders: readonly GivenOrder[]): Promise<void> {
  await database.transact(async (transaction) => {
    for (const { device, order } of orders) {
      const digest = order?.image?.digest;
      if (order === null || digest === undefined) continue;
      const said =
        order.action === 'download'
          ? { staged_digest: digest, phase: 'staged' }
          : { staged_digest: null, booted_digest: digest, release: order.release, phase: 'succeeded' };
      await transaction
        .updateTable('devices')
        .set((row) => ({
          ...said,
          update_id: order.updateId,
          report_revision: row('report_revision', '+', 1),
          updated_ms: Date.now(),
        }))
        .where('name', '=', device)
        .execute();
    }
  });
}
