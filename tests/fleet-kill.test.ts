import { makeTempDir } from '@slipway/core';
import { expect, test } from 'vitest';
import { diceOf } from './faults/power-cut/plan-cuts.ts';
import { SEED } from './faults/results.ts';
import { killFleet } from './harness/killed-fleet.ts';

// Scenario: a server of a fleet is killed at random moments while operators and devices write. What it had acknowledged is there.
// `make test-faults` does it ten times as often.

const KILLS = 20;

test('a fleet server that is killed under load loses no acknowledged write', async () => {
  await using directory = await makeTempDir('fleet-kill');
  const { changes, reports, problems } = await killFleet(directory.path, KILLS, diceOf(SEED));
  expect(problems).toEqual([]);
  expect(Math.min(changes, reports)).toBeGreaterThan(KILLS);
});
