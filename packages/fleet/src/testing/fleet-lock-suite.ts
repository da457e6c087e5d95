import type { FleetClient } from '@slipway/fleet-api';
import { describe, expect, test } from 'vitest';
import { reapExpiredLocks } from '../compat/lock-reaper.ts';
import { openDatabase } from '../database/database.ts';
import { askRaw, type RawAnswer } from './compat-client.ts';
import { type CompatServer, HEADER, START_MS, startCompatServer } from './compat-server.ts';
import type { Place } from './places.ts';
import { PASSWORD } from './running-server.ts';
import { clientOf } from './test-client.ts';
import { TestDevice } from './test-device.ts';

const PATIENCE_MS = 300_000;
/** What Zincati calls a host. */
const ID = 'c988d2509fdf5cdcbed39037c56406fb';

function iso(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}

type LockApi = 'pre-reboot' | 'steady-state';

/** As Zincati asks: with its header, and without a content type. */
async function askLock(
  { server }: CompatServer,
  token: string,
  api: LockApi,
  id = ID,
  group = 'workers',
): Promise<RawAnswer> {
  const body = `{"client_params":{"id":"${id}","group":"${group}"}}`;
  const path = `/compat/${token}/fleet_lock/v1/${api}`;
  return await askRaw(server, 'POST', path, { 'fleet-lock-protocol': 'true' }, body);
}

const GRANTED: RawAnswer = { status: 200, type: undefined, text: '' };

/** What a server answers to FleetLock, whatever database it has. */
export function fleetLockSuite(kind: string, place: Place): void {
  describe(`FleetLock on ${kind}`, { timeout: PATIENCE_MS }, () => {
    test('one host at a time restarts, and everybody sees which', async () => {
      await using running = await startCompatServer(place);
      const { server, admin } = running;
      await running.putFleet('workers', { selector: 'kind=worker' });
      const labels = { kind: 'worker', 'machine-id': ID };
      const { secret } = await admin.call('enrolmentTokens.create', { body: { name: 'a', labels } });
      const image = { reference: 'registry.example/os:1', digest: `sha256:${'a'.repeat(64)}` };
      const device = await TestDevice.enrol(server.url, server.authority, secret, image);
      const token = await running.token('locks:write', 'workers');

      expect(await askLock(running, token, 'pre-reboot')).toEqual(GRANTED);
      expect(await askLock(running, token, 'pre-reboot')).toEqual(GRANTED);
      const refused = await askLock(running, token, 'pre-reboot', 'other', 'default');
      expect(refused).toMatchObject({ status: 503, type: 'application/json' });
      expect(JSON.parse(refused.text)).toMatchObject({ kind: 'failed_lock_semaphore_full' });
      expect(refused.text).toContain(device.name);
      const at = (ms: number): string => new Date(ms).toISOString();
      expect(await admin.call('locks.list', { query: {} })).toEqual({
        items: [
          {
            group: 'workers',
            holder: ID,
            owner: device.name,
            reason: 'restarts into an update',
            acquiredAt: at(START_MS),
            expiresAt: at(START_MS + 4 * 3_600_000),
          },
        ],
        nextCursor: null,
        total: 1,
      });
      expect(await askLock(running, token, 'steady-state')).toEqual(GRANTED);
      expect(await askLock(running, token, 'steady-state')).toEqual(GRANTED);
      expect(await askLock(running, token, 'pre-reboot', 'other', 'default')).toEqual(GRANTED);

      const records = (await admin.call('audit.list', { query: {} })).items.filter(({ action }) =>
        action.startsWith('locks.'),
      );
      expect(records.map(({ actor, action, target }) => `${actor} ${action} ${target}`).toReversed()).toEqual(
        [
          `token:client-1 locks.acquire Lock/workers/${ID}`,
          `token:client-1 locks.release Lock/workers/${ID}`,
          'token:client-1 locks.acquire Lock/workers/other',
        ],
      );
      expect(await admin.call('audit.verify', {})).toMatchObject({ intact: true });
      await using opened = await openDatabase(running.database);
      const events = await opened.reads.selectFrom('events').selectAll().where('kind', '=', 'Lock').execute();
      expect(events.map(({ name, what, fleet }) => `${name} ${what} ${fleet}`)).toEqual([
        `${ID} created workers`,
        `${ID} deleted workers`,
        'other created workers',
      ]);
      const timeline = await opened.reads
        .selectFrom('timeline')
        .select('what')
        .where('device', '=', device.name)
        .where('what', 'like', 'reboot-lock-%')
        .execute();
      expect(timeline.map(({ what }) => what)).toEqual(['reboot-lock-acquired', 'reboot-lock-released']);
    });

    test('of many that ask at once as many restart as there are slots', async () => {
      await using running = await startCompatServer(place);
      await running.putFleet('workers', { selector: '', policy: { maxConcurrent: { count: 3 } } });
      const token = await running.token('locks:write', 'workers');
      const hosts = Array.from({ length: 12 }, (_, index) => `host-${index}`);
      const answers = await Promise.all(hosts.map((id) => askLock(running, token, 'pre-reboot', id)));
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(3);
      expect(answers.filter(({ status }) => status === 503)).toHaveLength(9);
      await running.putFleet('workers', { selector: '', rebootLocks: { slots: 4 } });
      expect(await askLock(running, token, 'pre-reboot', 'host-x')).toEqual(GRANTED);
      const { items, nextCursor, total } = await running.admin.call('locks.list', { query: { limit: 3 } });
      expect([items.length, total]).toEqual([3, 4]);
      const rest = await running.admin.call('locks.list', { query: { limit: 3, cursor: nextCursor ?? '' } });
      expect(rest).toMatchObject({ items: [{ holder: 'host-x' }], nextCursor: null });
    });

    test('the lock of a host that never comes back ends, and a person can take one away', async () => {
      await using running = await startCompatServer(place);
      const { admin, clock } = running;
      await running.putFleet('workers', { selector: '', rebootLocks: { ttlSeconds: 60 } });
      const token = await running.token('locks:write', 'workers');
      expect(await askLock(running, token, 'pre-reboot', 'dead')).toEqual(GRANTED);
      clock.ms += 59_999;
      expect(await askLock(running, token, 'pre-reboot', 'next')).toMatchObject({ status: 503 });
      clock.ms += 1;
      expect((await admin.call('locks.list', { query: {} })).total).toBe(0);
      expect(await askLock(running, token, 'pre-reboot', 'next')).toEqual(GRANTED);

      await expect(
        admin.call('locks.release', { params: { group: 'workers', holder: 'dead' } }),
      ).rejects.toMatchObject({ problem: { code: 'FLEET_NOT_FOUND' } });
      await admin.call('locks.release', { params: { group: 'workers', holder: 'next' } });
      expect((await admin.call('locks.list', { query: {} })).total).toBe(0);

      expect(await askLock(running, token, 'pre-reboot', 'lost')).toEqual(GRANTED);
      clock.ms += 60_000;
      await using database = await openDatabase(running.database);
      let pokes = 0;
      const hub = { poke: () => (pokes += 1) };
      await reapExpiredLocks({ database, clock, hub });
      await reapExpiredLocks({ database, clock, hub });
      expect(pokes).toBe(1);
      expect(await database.reads.selectFrom('reboot_locks').selectAll().execute()).toEqual([]);
      const { items } = await admin.call('audit.list', { query: {} });
      expect(
        items
          .filter(({ action }) => /^locks\.(expire|release)$/.test(action))
          .map(({ actor, action, target }) => `${actor} ${action} ${target}`)
          .toReversed(),
      ).toEqual([
        'system locks.expire Lock/workers/dead',
        'user:admin locks.release Lock/workers/next',
        'system locks.expire Lock/workers/lost',
      ]);
    });

    test('nobody restarts outside the window, or while a person holds the device', async () => {
      await using running = await startCompatServer(place);
      const { admin, server, clock } = running;
      const applyWindows = [{ cron: '0 13 * * *', durationSeconds: 3600 }];
      await running.putFleet('workers', { selector: 'kind=worker', policy: { applyWindows } });
      const token = await running.token('locks:write', 'workers');
      const early = await askLock(running, token, 'pre-reboot');
      expect(early.status).toBe(503);
      expect(JSON.parse(early.text)).toEqual({
        kind: 'held_apply_window',
        value: `is downloaded and may restart when its window opens at ${iso(START_MS + 3_600_000)}`,
      });
      clock.ms += 3_600_000;
      expect(await askLock(running, token, 'pre-reboot')).toEqual(GRANTED);
      expect(await askLock(running, token, 'steady-state')).toEqual(GRANTED);
      const { secret } = await admin.call('enrolmentTokens.create', {
        body: { name: 'a', labels: { kind: 'worker' } },
      });
      const image = { reference: 'registry.example/os:1', digest: `sha256:${'a'.repeat(64)}` };
      const { name } = await TestDevice.enrol(server.url, server.authority, secret, image);
      const { metadata, spec } = await admin.call('devices.get', { params: { name } });
      await admin.call('devices.put', {
        params: { name },
        body: {
          ...HEADER,
          kind: 'Device',
          metadata: { name, labels: metadata.labels },
          spec: { ...spec, hold: { reason: 'inventory' } },
        },
      });
      const held = await askLock(running, token, 'pre-reboot', name);
      expect(JSON.parse(held.text)).toEqual({ kind: 'held_held', value: 'held by a person: inventory' });
    });

    test('without the token of the fleet there is nothing', async () => {
      await using running = await startCompatServer(place);
      const { server, admin } = running;
      for (const name of ['workers', 'other']) await running.putFleet(name, { selector: '' });
      const kindOf = async (asked: Promise<RawAnswer>): Promise<string> => {
        const { status, type, text } = await asked;
        expect(type).toBe('application/json');
        return `${status} ${(JSON.parse(text) as { readonly kind: string }).kind}`;
      };
      const forged = `slipway_token_${'A'.repeat(43)}`;
      expect(await kindOf(askLock(running, forged, 'pre-reboot'))).toBe('401 unauthenticated');
      expect(await kindOf(askLock(running, 'x', 'steady-state'))).toBe('401 unauthenticated');
      const session = await clientOf(server.url, server.authority).call('sessions.create', {
        body: { user: 'admin', password: PASSWORD },
      });
      expect(await kindOf(askLock(running, session.secret, 'pre-reboot'))).toBe('401 unauthenticated');
      const reader = await running.token('locks:read', 'workers');
      expect(await kindOf(askLock(running, reader, 'pre-reboot'))).toBe('403 forbidden');
      const token = await running.token('locks:write', 'workers');
      expect(await kindOf(askLock(running, token, 'pre-reboot', ID, 'other'))).toBe('400 unknown_group');
      expect(await kindOf(askLock(running, token, 'pre-reboot', ID, 'nothing'))).toBe('400 unknown_group');
      const path = `/compat/${token}/fleet_lock/v1/pre-reboot`;
      const header = { 'fleet-lock-protocol': 'true' };
      const sample = `{"client_params":{"id":"${ID}","group":"workers"}}`;
      expect(await kindOf(askRaw(server, 'POST', path, {}, sample))).toBe('400 invalid_client_identity');
      expect(await kindOf(askRaw(server, 'POST', path, header, '{"a":'))).toBe('400 invalid_client_identity');
      expect(await kindOf(askRaw(server, 'POST', path, header))).toBe('400 invalid_client_identity');
      const typed = { ...header, 'content-type': 'application/json' };
      expect(await kindOf(askRaw(server, 'POST', path, typed, `${sample}${' '.repeat(2 ** 20)}`))).toBe(
        '413 bad_request',
      );
      expect((await admin.call('locks.list', { query: {} })).total).toBe(0);

      // A token sees and takes only what is its own.
      const api = (secret: string): FleetClient => clientOf(server.url, server.authority, secret);
      expect(await askLock(running, token, 'pre-reboot')).toEqual(GRANTED);
      const abroad = await running.token('locks:write', 'other');
      const taking = api(abroad).call('locks.release', { params: { group: 'workers', holder: ID } });
      await expect(taking).rejects.toMatchObject({ problem: { code: 'FLEET_NOT_FOUND' } });
      const elsewhere = await running.token('locks:read', 'other');
      expect((await api(elsewhere).call('locks.list', { query: {} })).total).toBe(0);
      expect((await api(reader).call('locks.list', { query: {} })).total).toBe(1);
      await admin.call('fleets.delete', { params: { name: 'workers' } });
      expect((await admin.call('locks.list', { query: {} })).total).toBe(0);
    });
  });
}
