import { expect, test } from 'vitest';
import { newRollout } from '../rollout/new-rollout.ts';
import { planRollout } from '../rollout/plan/plan.ts';
import { digestFor, HOUR, plainGraph, World } from '../rollout/testing/world.ts';
import { enginePolicy } from './engine-policy.ts';
import { presentPlan } from './plan.ts';

const SPEC = { fleet: 'edge', release: '2' };

function planned(
  natures: ConstructorParameters<typeof World>[0],
  policy: Parameters<typeof enginePolicy>[0],
) {
  const plan = planRollout({
    policy: enginePolicy(policy),
    state: newRollout({ id: 'p', target: '2' }),
    graph: plainGraph(2),
    devices: new World(natures).observations(),
    context: { nowMs: 0, firingAlerts: [], deniedDigests: [] },
  });
  return presentPlan(plan, SPEC);
}

test('a plan says who comes when, who does not and why, and when it ends', () => {
  const natures = [
    { id: 'a' },
    { id: 'b' },
    { id: 'lost', bootedDigest: digestFor('home-made') },
    { id: 'done', bootedDigest: digestFor('2') },
  ];
  const plan = planned(natures, {
    batches: [{ name: 'canary', count: 1, soakSeconds: 3600 }],
    applyWindows: [{ cron: '0 6 * * *', durationSeconds: 3600 }],
    errorThreshold: { count: 1, action: 'halt' },
  });
  expect(plan.batches.map(({ name, devices }) => [name, devices])).toEqual([
    ['canary', 1],
    ['rest', 1],
  ]);
  expect(plan.batches.flatMap(({ first }) => first).sort()).toEqual(['a', 'b']);
  expect(plan.skipped).toEqual([
    { device: 'lost', why: expect.stringContaining('belongs to no known release') },
  ]);
  // The canary restarts when the window opens at six, is watched for an hour, and the window is over: the other comes the next day.
  expect(Date.parse(plan.batches[0]?.estimatedEndAt ?? '')).toBeGreaterThan(7 * HOUR);
  expect(Date.parse(plan.estimatedEndAt ?? '')).toBeGreaterThan(30 * HOUR);
  expect(Date.parse(plan.estimatedEndAt ?? '')).toBeLessThan(31 * HOUR);
});

test('a plan of nobody ends never', () => {
  expect(planned([], {})).toMatchObject({
    batches: [],
    skipped: [],
    estimatedEndAt: null,
    warnings: ['the fleet has no devices'],
  });
});
