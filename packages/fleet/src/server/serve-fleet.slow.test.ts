import { join } from 'node:path';
import { makeTempDir, type TempDir } from '@slipway/core';
import { afterAll, beforeAll } from 'vitest';
import { sqlitePlaces } from '../testing/places.ts';
import { serverSuite } from '../testing/server-suite.ts';
import { webhookSuite } from '../testing/webhook-suite.ts';

let directory: TempDir;
beforeAll(async () => {
  directory = await makeTempDir('fleet-server');
});
afterAll(async () => await directory[Symbol.asyncDispose]());

serverSuite(
  'sqlite',
  sqlitePlaces(() => directory.path),
);
webhookSuite(
  'sqlite',
  sqlitePlaces(() => join(directory.path, 'webhooks')),
);
