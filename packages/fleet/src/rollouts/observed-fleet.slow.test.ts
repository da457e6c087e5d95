import { join } from 'node:path';
import { makeTempDir, silentLog } from '@slipway/core';
import type { DeviceSpec, Labels } from '@slipway/fleet-api';
import { expect, test } from 'vitest';
import { openDatabase } from '../database/database.ts';
import { Presence } from '../devices/presence.ts';
import type { DeviceObservation } from '../rollout/types/device.ts';
import { startServer } from '../testing/running-server.ts';
import { TestDevice } from '../testing/test-device.ts';
import { ObservedFleet } from './observed-fleet.ts';

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
    (await new ObservedFleet().look(replica.reads, { ...fleet, presence, nowMs, facts: false })).map(
      ({ id, online }) => [id, online],
    );
  expect(await seen(Date.now())).toEqual([[name, true]]);
  expect(await seen(Date.now() + DAY_MS)).toEqual([[name, false]]);
});

test('what is kept from one look to the next is what is there, whatever happened to devices in between', async () => {
  await using directory = await makeTempDir('fleet-looks');
  const file = join(directory.path, 'fleet.db');
  await using running = await startServer({ root: directory.path, database: file, stepRolloutsMs: 20 });
  const { server, admin } = running;
  await using reader = await openDatabase(file);
  const kept = new ObservedFleet();
  /** Both looks in one snapshot: rollouts go on meanwhile. */
  const look = async (facts = false): Promise<readonly DeviceObservation[]> => {
    const presence = { lastSeen: () => undefined };
    const options = { organisation: 'default', fleet: 'shops', presence, nowMs: Date.now(), facts };
    return await reader.reads.transaction().execute(async (snapshot) => {
      const seen = await kept.look(snapshot, options);
      expect(seen).toEqual(await new ObservedFleet().look(snapshot, options));
      return seen;
    });
  };
  for (const [name, letter] of Object.entries({ v1: 'a', v2: 'b' })) {
    const images = [
      { architecture: 'amd64', reference: 'registry.example/shop:v', digests: [digest(letter)] as [string] },
    ];
    const spec = { version: name, images };
    const body = { apiVersion: 'slipway/v1', kind: 'Release', metadata: { name }, spec } as const;
    await admin.call('releases.put', { params: { name }, body });
  }
  const policy = { stableSeconds: 0, errorThreshold: { count: 1, action: 'halt' } } as const;
  const metadata = { name: 'shops' };
  const fleet = { apiVersion: 'slipway/v1', kind: 'Fleet', metadata } as const;
  const spec = { selector: 'kind=shop', policy };
  await admin.call('fleets.put', { params: metadata, body: { ...fleet, spec } });
  const { secret } = await admin.call('enrolmentTokens.create', {
    body: { name: 'shops', labels: { kind: 'shop' }, uses: 3 },
  });
  const devices: TestDevice[] = [];
  for (let number = 0; number < 3; number += 1) {
    devices.push(await TestDevice.enrol(server.url, server.authority, secret, IMAGE, [digest('b')]));
    expect(await look()).toHaveLength(number + 1);
  }
  const name = devices[0]?.name ?? '';
  const put = async (labels: Labels, more: DeviceSpec): Promise<void> => {
    const body = {
      apiVersion: 'slipway/v1',
      kind: 'Device',
      metadata: { name, labels },
      spec: more,
    } as const;
    await admin.call('devices.put', { params: { name }, body });
  };
  await put({ kind: 'shop', site: 'berlin' }, { hold: { reason: 'stocktaking' } });
  expect((await look()).find(({ id }) => id === name)).toMatchObject({ hold: { reason: 'stocktaking' } });
  await put({ kind: 'till' }, {});
  expect(await look()).toHaveLength(2);
  await put({ kind: 'shop' }, {});
  expect(await look()).toHaveLength(3);
  await admin.call('fleets.put', { params: metadata, body: { ...fleet, spec: { ...spec, release: 'v2' } } });
  for (;;) {
    for (const device of devices) await device.checkIn();
    const seen = await look();
    if (seen.some(({ deniedDigests }) => deniedDigests.length > 0)) break;
  }
  expect((await look(true)).map(({ facts }) => facts)).toEqual(devices.map(() => ({ kernel: '6.12' })));
  const client = { device: name, architecture: 'arm64', booted_digest: digest('b') };
  for (const phase of ['downloading', 'failed']) {
    const row = { ...client, phase, error_code: null, update_id: null };
    await reader.transact((transaction) =>
      transaction
        .insertInto('client_states')
        .values(row)
        .onConflict((conflict) => conflict.column('device').doUpdateSet(row))
        .execute(),
    );
    await look();
  }
  await admin.call('devices.decommission', { params: { name }, body: { reason: 'sold' } });
  expect(await look()).toHaveLength(2);
});

function digest(letter: string): string {
  return `sha256:${letter.repeat(64)}`;
}
