import { DatabaseSync } from 'node:sqlite';
import { makeTempDir, type TempDir } from '@slipway/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabase } from '../database/database.ts';
import { largeFleetSuite } from '../testing/large-fleet-suite.ts';
import { sqlitePlaces } from '../testing/places.ts';
import { rolloutStepSuite } from '../testing/rollout-step-suite.ts';
import { isSilent, UPDATE_STATE } from './device-state.ts';

let directory: TempDir;
beforeAll(async () => {
  directory = await makeTempDir('fleet-large');
});
afterAll(async () => await directory[Symbol.asyncDispose]());

const place = sqlitePlaces(() => directory.path);
largeFleetSuite('sqlite', place);
rolloutStepSuite('sqlite', place);

test('states of devices are the words an index is made of', async () => {
  const file = await place();
  await using database = await openDatabase(file);
  const state = UPDATE_STATE.compile(database.reads).sql;
  const silent = isSilent(0).compile(database.reads).sql.replace('?', '0');
  using raw = new DatabaseSync(file, { readOnly: true });
  const planOf = (sql: string): string =>
    raw
      .prepare(`explain query plan ${sql}`)
      .all()
      .map(({ detail }) => String(detail))
      .join('; ');
  const enrolled = `organisation = 'o' and lifecycle = 'enrolled'`;
  expect(planOf(`select name from devices where ${enrolled} and ${state} = 'failed' order by name`)).toBe(
    'SEARCH devices USING COVERING INDEX devices_by_update (organisation=? AND lifecycle=? AND <expr>=?)',
  );
  const counts = planOf(
    `select fleet, ${state}, count(*) from devices where ${enrolled} and fleet = 'f' group by fleet, ${state}`,
  );
  expect(counts).toContain('devices_by_fleet_and_update');
  expect(counts).not.toContain('TEMP B-TREE');
  expect(planOf(`select device from device_presence where ${silent}`)).toContain(
    'device_presence_by_silence',
  );
});
