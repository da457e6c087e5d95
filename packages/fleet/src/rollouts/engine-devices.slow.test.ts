import { join } from 'node:path';
import { makeTempDir, silentLog } from '@slipway/core';
import { expect, test } from 'vitest';
import { openDatabase } from '../database/database.ts';
import { Presence } from '../devices/presence.ts';
import { startServer } from '../testing/running-server.ts';
import { TestDevice } from '../testing/test-device.ts';
import { loadDevices } from './engine-devices.ts';

const IMAGE = { reference: 'registry.example/shop:v1', digest: `sha256:${'a'.repeat(64)}` };
const DAY_MS = 86_400_000;

test('a device that another replica let in just now is online here, and not for ever', async () => {
  await using directory = await makeTempDir('fleet-replicas');
  const database = join(directory.path, 'fleet.db');
  await using running = await startServer({ root: directory.path, database });
  const { server, admin } = running;
  const metadata = { name: 'shops' };
  await admin.call('fleets.put', {
    params: metadata,
    body: { apiVersion: 'slipway/v1', kind: 'Fleet', metadata, spec: { selector: '' } },
  });
  const token = await admin.call('enrolmentTokens.create', { body: { name: 'shops', fleet: 'shops' } });
  const { name } = await TestDevice.enrol(server.url, server.authority, token.secret, IMAGE);
  await using replica = await openDatabase(database);
  await using presence = new Presence(replica, silentLog);
  const fleet = { organisation: 'default', fleet: 'shops' };
  const seen = async (nowMs: number): Promise<unknown> =>
    (await loadDevices(replica.reads, { ...fleet, presence, nowMs, facts: false })).map(({ id, online }) => [
      id,
      online,
    ]);
  expect(await seen(Date.now())).toEqual([[name, true]]);
  expect(await seen(Date.now() + DAY_MS)).toEqual([[name, false]]);
});
