import { join } from 'node:path';
import { makeTempDir, silentLog } from '@slipway/core';
import { expect, test } from 'vitest';
import { openDatabase } from '../database/database.ts';
import { Presence } from '../devices/presence.ts';
import { serveFleet } from '../server/serve-fleet.ts';
import { failuresLog } from '../testing/failures-log.ts';
import { clientOf } from '../testing/test-client.ts';
import { TestDevice } from '../testing/test-device.ts';
import { loadDevices } from './engine-devices.ts';

const PASSWORD = 'correct horse battery staple';
const IMAGE = { reference: 'registry.example/shop:v1', digest: `sha256:${'a'.repeat(64)}` };
const DAY_MS = 86_400_000;

test('a device that another replica let in just now is online here, and not for ever', async () => {
  await using directory = await makeTempDir('fleet-replicas');
  const database = join(directory.path, 'fleet.db');
  const options = { root: directory.path, database, port: 0, firstPassword: PASSWORD, log: failuresLog };
  await using server = await serveFleet(options);
  const login = { user: 'admin', password: PASSWORD };
  const { secret } = await clientOf(server.url, server.authority).call('sessions.create', { body: login });
  const admin = clientOf(server.url, server.authority, secret);
  const metadata = { name: 'shops' };
  await admin.call('fleets.put', {
    params: metadata,
    body: { apiVersion: 'slipway/v1', kind: 'Fleet', metadata, spec: { selector: '' } },
  });
  const token = await admin.call('enrolmentTokens.create', { body: { name: 'shops', fleet: 'shops' } });
  const { name } = await TestDevice.enrol(server.url, server.authority, token.secret, IMAGE);
  await using replica = await openDatabase(database);
  await using presence = new Presence(replica, silentLog);
  const seen = async (nowMs: number): Promise<unknown> =>
    (await loadDevices(replica.reads, 'default', 'shops', presence, nowMs)).map(({ id, online }) => [
      id,
      online,
    ]);
  expect(await seen(Date.now())).toEqual([[name, true]]);
  expect(await seen(Date.now() + DAY_MS)).toEqual([[name, false]]);
});
