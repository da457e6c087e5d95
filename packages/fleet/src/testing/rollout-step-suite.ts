import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { type FleetDatabase, openDatabase } from '../database/database.ts';
import { decideStep, type StepOutcome } from '../rollouts/decide-step.ts';
import { deviceRollouts } from '../rollouts/device-rollouts.ts';
import { beginRollout, findRollout } from '../rollouts/rollout-store.ts';
import { RolloutMemory } from '../rollouts/step-memory.ts';
import { writeStep } from '../rollouts/write-step.ts';
import { fillSamples, NOW_MS, ORGANISATION } from './device-samples.ts';
import type { Place } from './places.ts';

const ROLLOUT = 'bring-v2';

/** How steps of rollouts are decided apart from being written. */
export function rolloutStepSuite(kind: string, place: Place): void {
  describe(`steps of a rollout on ${kind}`, () => {
    test('what was decided about a rollout is written once, and not when it is another by now', async () => {
      await using database = await openDatabase(await place());
      await fillSamples(database);
      await begin(database);
      const [first, same] = [await decide(database, 0), await decide(database, 0)];
      expect(await write(database, first)).toBe(true);
      expect(await write(database, same)).toBe(false);
      const later = await decide(database, 1000);
      await database.transact((transaction) =>
        transaction
          .updateTable('rollouts')
          .set((row) => ({ revision: row('revision', '+', 1) }))
          .execute(),
      );
      expect(await write(database, later)).toBe(false);
      const orders = await database.reads
        .selectFrom('devices')
        .select('order_revision')
        .where('update_order', 'is not', null)
        .execute();
      expect(orders).toEqual([{ order_revision: 2 }]);
    });

    test('what is remembered from one step to the next changes nothing of what is decided', async () => {
      await using database = await openDatabase(await place());
      await fillSamples(database);
      await begin(database);
      const memory = new RolloutMemory();
      /** With what was remembered, and from what is there alone. */
      const decideTwice = async (afterMs: number): Promise<StepOutcome> => {
        const remembering = await decide(database, afterMs, memory);
        expect(remembering).toEqual(await decide(database, afterMs));
        return remembering;
      };
      expect(await write(database, await decideTwice(0))).toBe(true);
      expect(await write(database, await decideTwice(1000))).toBe(true);
      await report(database, 'staged');
      expect(await write(database, await decideTwice(2000))).toBe(true);
      // Decided, and not written: another was faster.
      await report(database, 'succeeded');
      const lost = await decideTwice(3000);
      expect(await write(database, await decide(database, 3500))).toBe(true);
      expect(await write(database, lost)).toBe(false);
      expect(await write(database, await decideTwice(4000))).toBe(true);
      // A person did something.
      await database.transact(async (transaction) => {
        await transaction
          .updateTable('rollout_devices')
          .set({ engine: sql`replace(engine, 'proving', 'cancelled')` })
          .execute();
        await transaction
          .updateTable('rollouts')
          .set((row) => ({ revision: row('revision', '+', 1) }))
          .execute();
      });
      expect(await write(database, await decideTwice(5000))).toBe(true);
    });

    test('devices that wait as others do are written once, and say why at any time', async () => {
      await using database = await openDatabase(await place());
      await fillSamples(database);
      await begin(database);
      expect(await write(database, await decide(database, 0))).toBe(true);
      const rows = await database.reads.selectFrom('rollout_devices').selectAll().execute();
      const waiting = rows.filter(({ state, why }) => state === 'pending' && why === null);
      expect(waiting.length).toBeGreaterThan(1);
      const next = await decide(database, 1000);
      expect(next.devices).toEqual([]);
      const devices = waiting.map(({ device }) => ({ name: device, fleet: 'one' }));
      const parts = await deviceRollouts(database.reads, ORGANISATION, devices);
      expect(parts.size).toBe(waiting.length);
      const whys = new Set([...parts.values()].map(({ why }) => why));
      expect(whys).toEqual(new Set(['was not heard of for a while; it is told when it is back']));
      const others = rows.filter(({ state, why }) => state === 'pending' && why !== null);
      expect(new Set(others.map(({ why }) => why))).toEqual(
        new Set(['1 devices are under way, and no more may be']),
      );
    });
  });
}

async function begin(database: FleetDatabase): Promise<void> {
  const policy = { maxConcurrent: { count: 1 } };
  const ask = { fleet: 'one', release: 'v2', name: ROLLOUT, policy, previousRelease: null, startAtMs: null };
  await database.transact(async (transaction) => {
    await beginRollout(transaction, ORGANISATION, ask, NOW_MS);
  });
}

async function decide(
  { reads }: FleetDatabase,
  afterMs: number,
  memory?: RolloutMemory,
): Promise<StepOutcome> {
  const row = await findRollout(reads, ORGANISATION, ROLLOUT);
  if (row === undefined) throw new Error('there is no rollout');
  const context = {
    presence: { lastSeen: () => undefined },
    alerts: [],
    nowMs: NOW_MS + afterMs,
    step: `step-${afterMs}`,
  };
  const outcome = await decideStep(reads, row, context, memory);
  if (outcome === undefined) throw new Error('it has not begun');
  return outcome;
}

/** Every device that has an order says that it is so far with it. */
async function report(database: FleetDatabase, phase: 'staged' | 'succeeded'): Promise<void> {
  const said = phase === 'staged' ? { staged_digest: 'v2' } : { booted_digest: 'v2', staged_digest: null };
  await database.transact((transaction) =>
    transaction
      .updateTable('devices')
      .set((row) => ({ ...said, phase, report_revision: row('report_revision', '+', 1) }))
      .where('update_order', 'is not', null)
      .execute(),
  );
}

async function write(database: FleetDatabase, outcome: StepOutcome): Promise<boolean> {
  const of = { organisation: ORGANISATION, name: ROLLOUT };
  return await database.transact(async (transaction) => await writeStep(transaction, of, outcome));
}
