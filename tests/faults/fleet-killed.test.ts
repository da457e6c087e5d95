/** A fleet server that is killed at any moment under load has every write it acknowledged. */
import { makeTempDir } from '@slipway/core';
import { expect, test } from 'vitest';
import { killFleet } from '../harness/killed-fleet.ts';
import { diceOf } from './power-cut/plan-cuts.ts';
import { IS_QUICK, report, row, SEED } from './results.ts';

const KILLS = IS_QUICK ? 20 : 200;

test(`a fleet server killed at random ${KILLS} times`, async () => {
  const startMs = performance.now();
  await using directory = await makeTempDir('faults-fleet-killed');
  const { changes, reports, problems } = await killFleet(directory.path, KILLS, diceOf(SEED));
  const fleetKill = { tried: KILLS, changes, reports, lost: problems.length };
  await report('fleet-killed', {
    rows: [row('SIGKILL of a fleet server', KILLS, problems.length, startMs)],
    json: { fleetKill },
  });
  expect(problems).toEqual([]);
});
