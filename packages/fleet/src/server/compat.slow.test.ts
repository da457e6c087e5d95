import { makeTempDir, type TempDir } from '@slipway/core';
import { afterAll, beforeAll } from 'vitest';
import { compatSuite } from '../testing/compat-suite.ts';
import { sqlitePlaces } from '../testing/places.ts';

let directory: TempDir;
beforeAll(async () => {
  directory = await makeTempDir('fleet-compat');
});
afterAll(async () => await directory[Symbol.asyncDispose]());

compatSuite(
  'sqlite',
  sqlitePlaces(() => directory.path),
);
