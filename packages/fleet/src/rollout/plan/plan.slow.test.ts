import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseSelector } from '../../selector/parse-selector.ts';
import { explain } from '../explain.ts';
import { newRollout } from '../new-rollout.ts';
import { running, tickUntil } from '../testing/run-rollout.ts';
import { digestFor, HOUR, MINUTE, type Nature, NO_LIMITS, plainGraph, World } from '../testing/world.ts';
import type { RolloutPolicy } from '../types/policy.ts';
import { EventQueue } from './event-queue.ts';
import { type Plan, planRollout } from './plan.ts';

const ASSUME = { downloadMs: MINUTE, applyMs: MINUTE };

function natures(count: number): readonly Nature[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `d${index}`,
    labels: { store: `${index % 4}`, ...(index === 0 ? { stage: 'canary' } : {}) },
    timeZone: index % 2 === 0 ? 'UTC' : 'Asia/Tokyo',
  }));
}

function planned(
  devices: readonly Nature[],
  policy: Partial<RolloutPolicy>,
  barriers: readonly number[] = [],
): Plan {
  const world = new World(devices);
  const context = { nowMs: 0, firingAlerts: [], deniedDigests: [] };
  const state = newRollout({ id: 'r', target: '3' });
  const input = {
    policy: { ...NO_LIMITS, ...policy },
    state,
    graph: plainGraph(3, barriers),
    devices: world.observations(),
    context,
  };
  return planRollout(input, ASSUME);
}

/** How long the same takes when devices really do it, in minutes. */
function played(
  devices: readonly Nature[],
  policy: Partial<RolloutPolicy>,
  barriers: readonly number[] = [],
): number {
  const run = running(new World(devices), { ...NO_LIMITS, ...policy }, plainGraph(3, barriers), '3');
  return tickUntil(run, ({ state }) => state.phase === 'complete', 8 * 24 * 60) - 1;
}

describe('the end that is planned is the end that comes', () => {
  test.each<[string, Partial<RolloutPolicy>, (readonly number[])?]>([
    ['without limits', {}],
    ['over a barrier', {}, [2]],
    ['one alone, then the others', { firstAlone: true }],
    ['three at a time', { maxConcurrent: { count: 3 } }],
    ['five an hour', { rate: { count: 5, periodMs: HOUR } }],
    ['one of each store', { disruptionBudget: { groupBy: ['store'], maxUnavailable: { count: 1 } } }],
    [
      'in windows',
      {
        downloadWindows: [{ opens: '0 1 * * *', durationMs: HOUR }],
        applyWindows: [{ opens: '0 3 * * *', durationMs: HOUR }],
      },
    ],
    ['with time', { overTime: { startShare: 0.1, durationMs: 5 * HOUR } }],
    ['with little bandwidth', { bandwidth: { totalBytesPerSecond: 1000, deviceBytesPerSecond: 500 } }],
    [
      'in batches that are watched',
      {
        batches: [
          { name: 'canary', selector: parseSelector('stage=canary') },
          { name: 'half', limit: { share: 0.5 } },
        ],
        soakMs: HOUR,
      },
    ],
  ])('%s', (_, policy, barriers) => {
    const devices = natures(12);
    const plan = planned(devices, policy, barriers);
    const minutes = played(devices, policy, barriers);
    expect((plan.endMs ?? 0) / MINUTE).toBeGreaterThanOrEqual(minutes - 3);
    expect((plan.endMs ?? 0) / MINUTE).toBeLessThanOrEqual(minutes + 3);
    expect(plan.devices.every(({ doneMs }) => doneMs !== undefined)).toBe(true);
  });

  test('with all of them together', () => {
    fc.assert(
      fc.property(
        fc.record({
          count: fc.integer({ min: 1, max: 6 }),
          rate: fc.integer({ min: 1, max: 6 }),
          soakMs: fc.constantFrom(0, HOUR),
          share: fc.constantFrom(0.1, 0.5),
          firstAlone: fc.boolean(),
        }),
        ({ count, rate, soakMs, share, firstAlone }) => {
          const policy: Partial<RolloutPolicy> = {
            batches: [{ name: 'some', limit: { share } }],
            maxConcurrent: { count },
            rate: { count: rate, periodMs: HOUR },
            disruptionBudget: { groupBy: ['store'], maxUnavailable: { share: 0.3 } },
            applyWindows: [{ opens: '0 */3 * * *', durationMs: HOUR }],
            soakMs,
            firstAlone,
          };
          const minutes = played(natures(10), policy);
          const { endMs = 0 } = planned(natures(10), policy);
          // Orders differ where several could go: at most a window's worth.
          expect(Math.abs(endMs / MINUTE - minutes)).toBeLessThanOrEqual(3 * 60);
        },
      ),
      { numRuns: 5, seed: 6 },
    );
  });
});

test('who is left out is listed, with the reason', () => {
  const plan = planned(
    [
      { id: 'good' },
      { id: 'lost', bootedDigest: digestFor('home-made') },
      { id: 'done', bootedDigest: digestFor('3') },
    ],
    {},
  );
  const why = new Map(
    plan.devices.map(({ device, whyNot }) => [device, whyNot === undefined ? '' : explain(whyNot)]),
  );
  expect(why.get('good')).toBe('');
  expect(why.get('lost')).toContain('belongs to no known release');
  expect(why.get('done')).toBe('runs the release');
  expect(plan.warnings).toContain('1 devices run images that belong to no known release');
});

test('a budget nobody could ever meet is found before it is waited for', () => {
  const plan = planned(natures(4), {
    disruptionBudget: { groupBy: ['store'], minAvailable: 1 },
    batches: [{ name: 'two', limit: { count: 2 } }],
  });
  expect(plan.endMs).toBeUndefined();
  expect(plan.warnings[0]).toContain('batch two never ends');
  expect(plan.devices.filter(({ whyNot }) => whyNot?.code === 'batch')).toHaveLength(2);
});

test('events come in order of time, and of their adding', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20)), (times) => {
      const queue = new EventQueue<number>();
      for (const [turn, atMs] of times.entries()) queue.add(atMs, turn);
      const seen: (readonly [number, number])[] = [];
      for (let next = queue.next(); next !== undefined; next = queue.next())
        seen.push([next.atMs, next.event]);
      expect(seen).toEqual(
        times.map((atMs, turn) => [atMs, turn] as const).sort((a, b) => a[0] - b[0] || a[1] - b[1]),
      );
      expect(queue.size).toBe(0);
    }),
  );
});
