/** An update that is killed at any moment leaves the old system or the new one, and is brought to its end. */
import { afterAll, expect, test } from 'vitest';
import { hostDir } from '../../packages/host/src/testing/test-host.ts';
import { killedModel, surviveKill } from '../harness/killed-update.ts';
import { diceOf } from './power-cut/plan-cuts.ts';
import { IS_QUICK, report, row, SEED } from './results.ts';

const KILLS = IS_QUICK ? 20 : 200;

const startMs = performance.now();
let tried = 0;
const lost: (readonly string[])[] = [];

afterAll(async () => {
  const kill = { tried, lost: lost.length };
  await report('killed', { rows: [row('SIGKILL', tried, lost.length, startMs)], json: { kill } });
});

test(`an update killed at random ${KILLS} times`, async () => {
  await using dir = await hostDir('faults-killed');
  const model = await killedModel(dir.path);
  const dice = diceOf(SEED);
  for (; tried < KILLS; tried += 1) {
    const { problems } = await surviveKill(model, dir.path, dice() * model.wholeMs);
    if (problems.length > 0) lost.push(problems);
  }
  expect(lost).toEqual([]);
});
