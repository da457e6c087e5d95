import { makeTempDir, type TempDir } from '@slipway/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { databaseSuite } from '../testing/database-suite.ts';
import { sqlitePlaces } from '../testing/places.ts';
import { openDatabase } from './database.ts';

let directory: TempDir;
beforeAll(async () => {
  directory = await makeTempDir('fleet-database');
});
afterAll(async () => await directory[Symbol.asyncDispose]());

databaseSuite(
  'sqlite',
  sqlitePlaces(() => directory.path),
);

test('a database that cannot be reached is told without its password', async () => {
  const opening = openDatabase('postgres://fleet:hunter2@127.0.0.1:1/fleet');
  await expect(opening).rejects.toMatchObject({ code: 'FLEET_DATABASE_UNUSABLE' });
  await expect(opening).rejects.not.toThrow(/hunter2/);
});
