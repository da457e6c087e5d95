import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import { expect, test } from 'vitest';
import { openDatabase } from '../database/database.ts';
import { doJob, type RolloutJob } from './rollout-jobs.ts';
import { beginRollout } from './rollout-store.ts';
import { RolloutThread } from './rollout-thread.ts';

const PRESENCE = { lastSeen: () => undefined };

test('the thread decides as it is decided here, and says what fails', { timeout: 300_000 }, async () => {
  await using directory = await makeTempDir('rollout-thread');
  const file = join(directory.path, 'fleet.db');
  await using database = await openDatabase(file);
  const ask = { fleet: 'f', release: 'v1', policy: {}, previousRelease: null, startAtMs: null };
  const row = await database.transact(
    async (transaction) => await beginRollout(transaction, 'o', ask, 1_800_000_000_000),
  );
  const decide: RolloutJob = { kind: 'decide', row, alerts: [], nowMs: 1_800_000_001_000, step: 'first' };
  await using thread = new RolloutThread(database, file, PRESENCE, 0);
  const plan: RolloutJob = {
    kind: 'plan',
    organisation: 'o',
    spec: { fleet: 'f', release: 'v1' },
    policy: {},
    nowMs: 1_800_000_001_000,
  };
  const [decided, planned] = await Promise.all([thread.do(decide), thread.do(plan)]);
  expect(decided).toEqual(await doJob(database.reads, decide, PRESENCE));
  expect(planned).toEqual(await doJob(database.reads, plan, PRESENCE));
  const broken = { ...decide, row: { ...row, engine: '{' } };
  await expect(thread.do(broken)).rejects.toThrow(/JSON/);
  expect(await thread.do(decide)).toEqual(decided);
});
