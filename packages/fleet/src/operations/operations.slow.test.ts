import { makeTempDir, type TempDir } from '@slipway/core';
import { afterAll, beforeAll } from 'vitest';
import { operationSuite } from '../testing/operation-suite.ts';
import { sqlitePlaces } from '../testing/places.ts';

let directory: TempDir;
beforeAll(async () => {
  directory = await makeTempDir('fleet-operations');
});
afterAll(async () => await directory[Symbol.asyncDispose]());

operationSuite(
  'sqlite',
  sqlitePlaces(() => directory.path),
);
