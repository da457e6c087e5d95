import { makeTempDir, type TempDir } from '@slipway/core';
import { afterAll, beforeAll } from 'vitest';
import { sqlitePlaces } from '../testing/places.ts';
import { serverSuite } from '../testing/server-suite.ts';

let directory: TempDir;
beforeAll(async () => {
  directory = await makeTempDir('fleet-server');
});
afterAll(async () => await directory[Symbol.asyncDispose]());

serverSuite(
  'sqlite',
  sqlitePlaces(() => directory.path),
);
