import { makeTempDir, type TempDir } from '@slipway/core';
import { afterAll, beforeAll } from 'vitest';
import { configSuite } from '../testing/config-suite.ts';
import { sqlitePlaces } from '../testing/places.ts';

let directory: TempDir;
beforeAll(async () => {
  directory = await makeTempDir('fleet-configuration');
});
afterAll(async () => await directory[Symbol.asyncDispose]());

configSuite(
  'sqlite',
  sqlitePlaces(() => directory.path),
);
