/** The fleet server on a real PostgreSQL: the same suites that run on SQLite in the unit tests. */
import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { backUpFleet, openDatabase, restoreFleet, serveFleet } from '../packages/fleet/src/index.ts';
import { compatSuite } from '../packages/fleet/src/testing/compat-suite.ts';
import { configSuite } from '../packages/fleet/src/testing/config-suite.ts';
import { databaseSuite } from '../packages/fleet/src/testing/database-suite.ts';
import { failuresLog } from '../packages/fleet/src/testing/failures-log.ts';
import { gitSuite } from '../packages/fleet/src/testing/git-suite.ts';
import { largeFleetSuite } from '../packages/fleet/src/testing/large-fleet-suite.ts';
import { operationSuite } from '../packages/fleet/src/testing/operation-suite.ts';
import { type PostgresServer, startPostgres } from '../packages/fleet/src/testing/postgres-server.ts';
import { rolloutStepSuite } from '../packages/fleet/src/testing/rollout-step-suite.ts';
import { serverSuite } from '../packages/fleet/src/testing/server-suite.ts';
import { clientOf } from '../packages/fleet/src/testing/test-client.ts';
import { TestDevice } from '../packages/fleet/src/testing/test-device.ts';
import { webhookSuite } from '../packages/fleet/src/testing/webhook-suite.ts';

let postgres: PostgresServer;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => await postgres[Symbol.asyncDispose]());

databaseSuite('postgres', () => postgres.newDatabase());
serverSuite('postgres', () => postgres.newDatabase());
compatSuite('postgres', () => postgres.newDatabase());
gitSuite('postgres', () => postgres.newDatabase());
configSuite('postgres', () => postgres.newDatabase());
operationSuite('postgres', () => postgres.newDatabase());
webhookSuite('postgres', () => postgres.newDatabase());
largeFleetSuite('postgres', () => postgres.newDatabase());
rolloutStepSuite('postgres', () => postgres.newDatabase());

test('a fleet moves from a file to PostgreSQL by a backup, with its authority, users and records', async () => {
  await using directory = await makeTempDir('fleet-move');
  const file = join(directory.path, 'fleet.db');
  const firstPassword = 'correct horse battery staple';
  let authority = '';
  {
    await using server = await serveFleet({ root: directory.path, port: 0, firstPassword });
    authority = server.authority;
    const login = { user: 'admin', password: firstPassword };
    await clientOf(server.url, server.authority).call('sessions.create', { body: login });
  }
  const backup = join(directory.path, 'fleet.backup');
  const { rows } = await backUpFleet(file, backup);
  const database = await postgres.newDatabase();
  expect(await restoreFleet(database, backup)).toEqual({ rows });
  await using server = await serveFleet({ root: directory.path, database, port: 0 });
  expect(server.authority).toBe(authority);
  expect(server.firstPassword).toBeUndefined();
  const login = { user: 'admin', password: firstPassword };
  const { secret } = await clientOf(server.url, authority).call('sessions.create', { body: login });
  expect(await clientOf(server.url, authority, secret).call('audit.verify', {})).toEqual({
    intact: true,
    records: 2,
    brokenAt: null,
  });
  await using opened = await openDatabase(database);
  const settings = await opened.reads.selectFrom('settings').select('name').orderBy('name').execute();
  expect(settings).toEqual([
    { name: 'authority' },
    { name: 'configuration-key' },
    { name: 'login-seal' },
    { name: 'ssh-authority' },
  ]);
});

test('of two changes that wait for each other both are made', async () => {
  await using database = await openDatabase(await postgres.newDatabase());
  const names = ['left', 'right'] as const;
  await database.transact((transaction) =>
    transaction
      .insertInto('settings')
      .values(names.map((name) => ({ name, value: '' })))
      .execute(),
  );
  const taken = names.map(() => Promise.withResolvers<void>());
  /** Takes one row, waits until the other is taken, and wants that, too. */
  const change = async (mine: number): Promise<void> => {
    await database.transact(async (transaction) => {
      for (const which of [mine, 1 - mine]) {
        await transaction
          .updateTable('settings')
          .set({ value: String(mine) })
          .where('name', '=', names[which] ?? '')
          .execute();
        taken[which]?.resolve();
        await taken[1 - mine]?.promise;
      }
    });
  };
  await Promise.all([change(0), change(1)]);
  const rows = await database.reads.selectFrom('settings').select('value').execute();
  expect([
    ['0', '0'],
    ['1', '1'],
  ]).toContainEqual(rows.map(({ value }) => value));
});

test('a database that crashes in the middle of a transaction leaves nothing of it, and is used again when it is back', async () => {
  await using database = await openDatabase(await postgres.newDatabase());
  const write = async (name: string): Promise<void> => {
    await database.transact((transaction) =>
      transaction.insertInto('settings').values({ name, value: '' }).execute(),
    );
  };
  await write('before');
  const cut = database.transact(async (transaction) => {
    await transaction.insertInto('settings').values({ name: 'cut', value: '' }).execute();
    await postgres.crash();
    await transaction.insertInto('settings').values({ name: 'after', value: '' }).execute();
  });
  await expect(cut).rejects.toThrow();
  await write('again');
  const rows = await database.reads.selectFrom('settings').select('name').orderBy('name').execute();
  expect(rows).toEqual([{ name: 'again' }, { name: 'before' }]);
});

test('three servers on one database tell every device once, although one of them ends in the middle', async () => {
  const database = await postgres.newDatabase();
  const firstPassword = 'correct horse battery staple';
  const options = {
    root: '/nonexistent',
    database,
    port: 0,
    firstPassword,
    log: failuresLog,
    stepRolloutsMs: 20,
  };
  await using first = await serveFleet(options);
  await using second = await serveFleet(options);
  const third = await serveFleet(options);
  expect([second.authority, third.authority]).toEqual([first.authority, first.authority]);
  const login = { user: 'admin', password: firstPassword };
  const { secret } = await clientOf(first.url, first.authority).call('sessions.create', { body: login });
  const admin = clientOf(second.url, second.authority, secret);
  const image = (letter: string): { readonly reference: string; readonly digest: string } => ({
    reference: 'registry.example/shop:v',
    digest: `sha256:${letter.repeat(64)}`,
  });
  const header = { apiVersion: 'slipway/v1' } as const;
  for (const [name, letter] of [
    ['v1', 'a'],
    ['v2', 'b'],
  ] as const) {
    const { reference, digest } = image(letter);
    const images = [{ architecture: 'amd64', reference, digests: [digest] as [string] }];
    const body = { ...header, kind: 'Release', metadata: { name }, spec: { version: name, images } } as const;
    await admin.call('releases.put', { params: { name }, body });
  }
  const fleet = { ...header, kind: 'Fleet', metadata: { name: 'shops' } } as const;
  const spec = { selector: 'kind=shop', policy: { maxConcurrent: { count: 3 }, stableSeconds: 0 } };
  await admin.call('fleets.put', { params: { name: 'shops' }, body: { ...fleet, spec } });
  const token = { name: 'shops', labels: { kind: 'shop' }, uses: 12 };
  const enrolment = await admin.call('enrolmentTokens.create', { body: token });
  const servers = [first, second];
  const devices = await Promise.all(
    Array.from({ length: 12 }, (_each, index) =>
      TestDevice.enrol(servers[index % 2]?.url ?? '', first.authority, enrolment.secret, image('a')),
    ),
  );
  await admin.call('fleets.put', {
    params: { name: 'shops' },
    body: { ...fleet, spec: { ...spec, release: 'v2' } },
  });
  let isThirdThere = true;
  for (;;) {
    for (const device of devices) await device.checkIn();
    const { status } = await admin.call('rollouts.get', { params: { name: 'shops-1' } });
    if (isThirdThere && status.counts.succeeded > 3) {
      await third[Symbol.asyncDispose]();
      isThirdThere = false;
    }
    if (status.state === 'succeeded') break;
  }
  expect(new Set(devices.map(({ booted }) => booted.digest))).toEqual(new Set([image('b').digest]));
  await using opened = await openDatabase(database);
  const told = await opened.reads
    .selectFrom('timeline')
    .select(['device', 'what'])
    .where('what', 'in', ['told-to-stage', 'told-to-apply'])
    .orderBy('device')
    .orderBy('what')
    .execute();
  const each = devices.map(({ name }) => name).toSorted();
  expect(told).toEqual(
    each.flatMap((device) => [
      { device, what: 'told-to-apply' },
      { device, what: 'told-to-stage' },
    ]),
  );
  expect(await admin.call('audit.verify', {})).toMatchObject({ intact: true });
});
