/** The registry against the table of the specification, on real sockets. */
import { makeTempDir, type TempDir } from '@slipway/core';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { type RegistryServer, serveRegistry } from './serve.ts';
import { CONFORMANCE } from './testing/conformance.ts';
import { RawClient } from './testing/raw-client.ts';
import { RegistryUser } from './testing/registry-user.ts';

let temp: TempDir;
let server: RegistryServer;
let client: RawClient;

beforeAll(async () => {
  temp = await makeTempDir('conformance');
  server = await serveRegistry({ root: temp.path, port: 0 });
  client = new RawClient(server.url);
});

afterAll(async () => {
  client[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
  await temp[Symbol.asyncDispose]();
});

describe.each(['support', 'pull', 'push', 'discovery', 'management'] as const)('%s', (part) => {
  const cases = CONFORMANCE.filter((each) => each.part === part);
  test.each(cases)('$name', async ({ name, run }) => {
    const number = CONFORMANCE.findIndex((each) => each.name === name);
    await run(
      new RegistryUser(client, `test/case${number}`),
      new RegistryUser(client, `test/other${number}`),
    );
  });
});
