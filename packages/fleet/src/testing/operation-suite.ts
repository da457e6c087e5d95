import type { FleetClient, Operation } from '@slipway/fleet-api';
import { describe, expect, test } from 'vitest';
import { streamEvents } from '../client/event-stream.ts';
import { openDatabase } from '../database/database.ts';
import type { OperationRow } from '../database/tables.ts';
import { DECOMMISSION } from '../devices/decommission-selected.ts';
import { advanceOperation, claimOperation, dueOperations } from '../operations/operation-store.ts';
import type { Place } from './places.ts';
import { adminOf, type RunningServer, startServer } from './running-server.ts';
import { clientOf } from './test-client.ts';
import { TestDevice } from './test-device.ts';
import { until } from './until.ts';

const PATIENCE_MS = 300_000;
const PATIENCE = AbortSignal.timeout(PATIENCE_MS);
const IMAGE = { reference: 'registry.example/shop:v1', digest: `sha256:${'a'.repeat(64)}` };

function rowOf(work: object, part: Partial<OperationRow>): OperationRow {
  return {
    organisation: 'default',
    id: 'op',
    kind: DECOMMISSION,
    state: 'running',
    target: 'kind=shop',
    actor: 'user:admin',
    address: null,
    work: JSON.stringify(work),
    done: 0,
    total: 2,
    message: null,
    created_ms: 1,
    finished_ms: null,
    next_ms: 0,
    ...part,
  };
}

async function enrol({ server, admin }: RunningServer, site: string): Promise<TestDevice> {
  const body = { name: `for-${site}`, labels: { kind: 'shop', site } };
  const { secret } = await admin.call('enrolmentTokens.create', { body });
  return await TestDevice.enrol(server.url, server.authority, secret, IMAGE);
}

async function ended(client: FleetClient, id: string): Promise<Operation> {
  return await until(
    async () => await client.call('operations.get', { params: { id } }),
    ({ state }) => state !== 'running',
  );
}

async function lifecycle(admin: FleetClient, { name }: TestDevice): Promise<string> {
  return (await admin.call('devices.get', { params: { name } })).status.lifecycle;
}

/** What takes its time, whatever database the server has. */
export function operationSuite(kind: string, place: Place): void {
  describe(`operations on ${kind}`, { timeout: PATIENCE_MS }, () => {
    test('devices that are selected are decommissioned, once for one key, and it can be followed', async () => {
      await using running = await startServer({ database: await place() });
      const { server, admin } = running;
      const devices = [await enrol(running, 'berlin'), await enrol(running, 'wien')];
      const other = await enrol(running, 'rom');
      const seen: string[] = [];
      const body = { selector: 'site in (berlin,wien)', expected: 2, reason: 'sold' };
      const wrong = admin.call('devices.decommissionSelected', { body: { ...body, expected: 3 } });
      await expect(wrong).rejects.toMatchObject({ problem: { code: 'FLEET_CONFLICT', status: 409 } });
      for (const nobody of [{}, { selector: ' ' }, { selector: 'site=oslo' }]) {
        const refused = admin.call('devices.decommissionSelected', { body: nobody });
        await expect(refused).rejects.toMatchObject({ problem: { status: 422 } });
      }
      const ask = { body, idempotencyKey: 'sold-1' };
      const first = await admin.ask('devices.decommissionSelected', ask);
      expect(first).toMatchObject({
        status: 202,
        body: { kind: DECOMMISSION, total: 2, actor: 'user:admin' },
      });
      const again = await admin.ask('devices.decommissionSelected', ask);
      expect(again).toMatchObject({ status: 202, body: { id: first.body.id } });
      const { id } = first.body;
      const request = admin.request('events.watch', { query: { kind: 'Operation', name: id, after: 0 } });
      for await (const event of streamEvents(request, server.authority, PATIENCE)) {
        seen.push(event.message);
        if (event.message.includes('succeeded')) break;
      }
      expect(seen[0]).toContain('running, 0 of 2');
      expect(await ended(admin, id)).toMatchObject({ state: 'succeeded', done: 2, message: null });
      expect((await admin.call('operations.list', {})).items.map((each) => each.id)).toEqual([id]);
      for (const device of devices) {
        expect(await lifecycle(admin, device)).toBe('decommissioned');
        await device.checkIn();
        expect(device.desired?.decommission).toBe(true);
      }
      expect(await lifecycle(admin, other)).toBe('enrolled');
      const audit = (await admin.call('audit.list', { query: { limit: 1000 } })).items;
      const told = audit.filter(({ action }) => action.startsWith(DECOMMISSION));
      expect(told.map(({ target }) => target ?? '').toSorted()).toEqual(
        [...devices.map(({ name }) => `Device/${name}`), `Operation/${id}`].toSorted(),
      );
      expect(await admin.call('audit.verify', {})).toMatchObject({ intact: true });
    });

    test('who may act on some devices acts on no others, and sees no operations of others', async () => {
      await using running = await startServer({ database: await place() });
      const { server, admin } = running;
      const [berlin, wien] = [await enrol(running, 'berlin'), await enrol(running, 'wien')];
      const grants = [{ role: 'admin', selector: 'site=berlin' }];
      const { secret } = await admin.call('tokens.create', { body: { name: 'berlin', grants } });
      const narrow = clientOf(server.url, server.authority, secret);
      const mine = await narrow.call('devices.decommissionSelected', { body: { selector: 'kind=shop' } });
      expect(mine.total).toBe(1);
      expect(await ended(narrow, mine.id)).toMatchObject({ state: 'succeeded', done: 1 });
      expect(await lifecycle(admin, berlin)).toBe('decommissioned');
      expect(await lifecycle(admin, wien)).toBe('enrolled');
      const theirs = await admin.call('devices.decommissionSelected', { body: { selector: 'site=wien' } });
      await expect(narrow.call('operations.get', { params: { id: theirs.id } })).rejects.toMatchObject({
        problem: { code: 'FLEET_NOT_FOUND' },
      });
      expect((await narrow.call('operations.list', {})).total).toBe(1);
      expect((await admin.call('operations.list', {})).total).toBe(2);
    });

    test('one whose server is gone goes on where it was', async () => {
      const database = await place();
      const names: string[] = [];
      {
        await using running = await startServer({ database });
        for (const site of ['berlin', 'wien']) names.push((await enrol(running, site)).name);
      }
      {
        await using opened = await openDatabase(database);
        const row = rowOf({ devices: names }, { done: 1 });
        await opened.transact((transaction) => transaction.insertInto('operations').values(row).execute());
      }
      await using running = await startServer({ database });
      const admin = await adminOf(running.server);
      expect(await ended(admin, 'op')).toMatchObject({ state: 'succeeded', done: 2 });
      const states = await Promise.all(
        names.map(async (name) => (await admin.call('devices.get', { params: { name } })).status.lifecycle),
      );
      expect(states).toEqual(['enrolled', 'decommissioned']);
    });

    test('no part is done by two', async () => {
      await using database = await openDatabase(await place());
      const row = rowOf({}, {});
      await database.transact((transaction) => transaction.insertInto('operations').values(row).execute());
      const [due] = await dueOperations(database.reads, 5, 10);
      if (due === undefined) throw new Error('nothing is due');
      const claims = await Promise.all([claimOperation(database, due, 5), claimOperation(database, due, 5)]);
      expect(claims.filter((claim) => claim !== undefined)).toHaveLength(1);
      expect(await dueOperations(database.reads, 5, 10)).toEqual([]);
      const advance = async (): Promise<OperationRow | undefined> =>
        await database.transact(async (transaction) => await advanceOperation(transaction, row, 1, 6));
      expect((await advance())?.done).toBe(1);
      expect(await advance()).toBeUndefined();
    });
  });
}
