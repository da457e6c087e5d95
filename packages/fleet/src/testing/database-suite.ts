import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { appendAudit } from '../audit/chain.ts';
import { type FleetDatabase, openDatabase } from '../database/database.ts';
import { SCHEMA_VERSION } from '../database/migrate.ts';
import type { Place } from './places.ts';

/** Of a device, what a row cannot be without. */
const DEVICE = {
  organisation: 'o',
  hostname: '',
  labels: '{}',
  spec: '{}',
  revision: 1,
  created_ms: 1,
  updated_ms: 7,
  phase: 'idle',
  order_revision: 1,
  denied: '[]',
  public_key: '',
};
const SETTING = { name: 'greeting', value: 'grüß Gott' };

/** What a database does, of whichever kind. */
export function databaseSuite(kind: string, place: Place): void {
  describe(kind, () => {
    test('what was committed is there for the next to open it', async () => {
      const where = await place();
      {
        await using database = await openDatabase(where);
        expect(database.kind).toBe(kind);
        await database.transact((transaction) =>
          transaction.insertInto('settings').values(SETTING).execute(),
        );
      }
      await using again = await openDatabase(where);
      expect(await again.reads.selectFrom('settings').selectAll().execute()).toEqual([SETTING]);
    });

    test('of a transaction that fails nothing is left', async () => {
      await using database = await openDatabase(await place());
      const failing = database.transact(async (transaction) => {
        await transaction.insertInto('settings').values(SETTING).execute();
        throw new Error('power cut');
      });
      await expect(failing).rejects.toThrow('power cut');
      expect(await settings(database)).toEqual([]);
    });

    test('writers do not lose each other', async () => {
      await using database = await openDatabase(await place());
      await database.transact((transaction) =>
        transaction.insertInto('chains').values({ name: 'n', sequence: 0, hash: '' }).execute(),
      );
      const add = (): Promise<unknown> =>
        database.transact((transaction) =>
          transaction
            .updateTable('chains')
            .set((row) => ({ sequence: row('sequence', '+', 1) }))
            .execute(),
        );
      await Promise.all(Array.from({ length: 50 }, add));
      expect(await database.reads.selectFrom('chains').select('sequence').execute()).toEqual([
        { sequence: 50 },
      ]);
    });

    test('of works that stand in line together one may fail, and the others are there', async () => {
      await using database = await openDatabase(await place());
      const add = (name: string): Promise<unknown> =>
        database.transact(async (transaction) => {
          await transaction.insertInto('settings').values({ name, value: '' }).execute();
          if (name === 'bad') throw new Error('power cut');
          return name;
        });
      const names = Array.from({ length: 250 }, (_, index) => (index % 5 === 3 ? 'bad' : `n${index}`));
      const results = await Promise.allSettled(names.map(add));
      const good = names.filter((name) => name !== 'bad');
      expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(50);
      expect(results.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))).toEqual(good);
      const rows = await database.reads.selectFrom('settings').select('name').execute();
      expect(rows.map(({ name }) => name).toSorted()).toEqual(good.toSorted());
    });

    test('what is said to be there is seen by who reads', async () => {
      await using database = await openDatabase(await place());
      const addAndLook = async (name: string): Promise<unknown> => {
        await database.transact((transaction) =>
          transaction.insertInto('settings').values({ name, value: '' }).execute(),
        );
        return await database.reads.selectFrom('settings').where('name', '=', name).select('name').execute();
      };
      const names = Array.from({ length: 30 }, (_, index) => `n${index}`);
      expect(await Promise.all(names.map(addAndLook))).toEqual(names.map((name) => [{ name }]));
    });

    test('numbers beyond 32 bits and generated ids come back as numbers', async () => {
      await using database = await openDatabase(await place());
      const entry = { device: 'd', at_ms: 1_800_000_000_123, what: 'x', message: 'y', release: null };
      const [row] = await database.transact((transaction) =>
        transaction.insertInto('timeline').values(entry).returningAll().execute(),
      );
      expect(row).toEqual({ ...entry, id: 1 });
    });

    test('a database of a newer version is left alone', async () => {
      const where = await place();
      {
        await using database = await openDatabase(where);
        await database.transact((transaction) =>
          sql`update schema_version set version = ${SCHEMA_VERSION + 1}`.execute(transaction),
        );
      }
      await expect(openDatabase(where)).rejects.toMatchObject({ code: 'FLEET_DATABASE_NEWER' });
    });

    test('an older schema becomes the next with everything that was in it', async () => {
      const where = await place();
      const label = { device: 'd', label: 'site', value: 'zürich' };
      {
        await using old = await openDatabase(where, { migrateTo: 1 });
        await expect(old.reads.selectFrom('reboot_locks').selectAll().execute()).rejects.toThrow();
        await old.transact(async (transaction) => {
          await transaction.insertInto('settings').values(SETTING).execute();
          await transaction.insertInto('device_labels').values(label).execute();
        });
      }
      const lock = {
        organisation: 'o',
        fleet: 'f',
        holder: 'h',
        owner: null,
        reason: 'r',
        acquired_ms: 1_800_000_000_123,
        expires_ms: 1_800_000_000_124,
      };
      await using database = await openDatabase(where);
      expect(await settings(database)).toEqual([SETTING]);
      expect(await database.reads.selectFrom('device_labels').selectAll().execute()).toEqual([label]);
      const insert = (): Promise<unknown> =>
        database.transact((transaction) => transaction.insertInto('reboot_locks').values(lock).execute());
      await insert();
      await expect(insert()).rejects.toThrow();
      expect(await database.reads.selectFrom('reboot_locks').selectAll().execute()).toEqual([lock]);
    });

    test('certificates of ssh that were signed before they were kept are known from the audit log', async () => {
      const where = await place();
      const untilMs = Date.now() + 86_400_000;
      {
        await using old = await openDatabase(where, { migrateTo: 8 });
        await old.transact(async (transaction) => {
          for (const [name, lifecycle] of Object.entries({ here: 'enrolled', gone: 'decommissioned' })) {
            await transaction
              .insertInto('devices')
              .values({ ...DEVICE, name, lifecycle })
              .execute();
            for (const [serial, endsMs] of [
              [`1${name}`, untilMs],
              [`2${name}`, 1000],
            ] as const) {
              const detail = { keyId: `device:${name}`, notAfter: new Date(endsMs).toISOString() };
              await appendAudit(transaction, {
                organisation: 'o',
                atMs: 1,
                actor: `device:${name}`,
                address: null,
                action: 'device.ssh',
                target: `SshCertificate/${serial}`,
                outcome: 'done',
                detail,
              });
            }
          }
        });
      }
      await using database = await openDatabase(where);
      const row = { organisation: 'o', kind: 'host', owner: null, public_key: null, until_ms: untilMs };
      expect(
        await database.reads.selectFrom('ssh_certificates').selectAll().orderBy('serial').execute(),
      ).toEqual([
        { ...row, serial: '1gone', holder: 'gone', revoked_ms: 7 },
        { ...row, serial: '1here', holder: 'here', revoked_ms: null },
      ]);
    });

    test('what large fleets are listed and stepped by is made of what was there', async () => {
      const where = await place();
      const report = {
        timeZone: 'Europe/Berlin',
        image: { booted: null, staged: { reference: 'r', digest: 'd' }, rollback: null },
        update: { phase: 'staged', updateId: 'u', target: 'd' },
        health: { state: 'degraded', checks: [] },
      };
      {
        await using old = await openDatabase(where, { migrateTo: 9 });
        await old.transact(async (transaction) => {
          const said = { ...DEVICE, lifecycle: 'enrolled', report: JSON.stringify(report) };
          await transaction
            .insertInto('devices')
            .values([
              { ...said, name: 'said' },
              { ...DEVICE, lifecycle: 'enrolled', report: null, name: 'silent' },
            ])
            .execute();
          const seen = { device: 'said', seen_ms: 5, address: 'a', interval_seconds: 30 };
          await transaction.insertInto('device_presence').values(seen).execute();
          await sql`update devices set why = 'it waits'`.execute(transaction);
          await sql`
            insert into rollouts (organisation, name, fleet, release, labels, spec, state, status, engine, revision, created_ms, updated_ms)
            values ('o', 'r', 'f', 'v', '{}', '{}', 'running', '{}', '{}', 1, 1, 1)`.execute(transaction);
        });
      }
      await using database = await openDatabase(where);
      const columns = ['name', 'time_zone', 'staged_digest', 'health', 'update_id'] as const;
      expect(await database.reads.selectFrom('devices').select(columns).orderBy('name').execute()).toEqual([
        { name: 'said', time_zone: 'Europe/Berlin', staged_digest: 'd', health: 'degraded', update_id: 'u' },
        { name: 'silent', time_zone: null, staged_digest: null, health: null, update_id: null },
      ]);
      expect(
        await database.reads.selectFrom('device_presence').selectAll().orderBy('device').execute(),
      ).toEqual([
        { device: 'said', seen_ms: 5, address: 'a', interval_seconds: 30 },
        { device: 'silent', seen_ms: 0, address: null, interval_seconds: 60 },
      ]);
      expect(await database.reads.selectFrom('rollouts').select('whys').execute()).toEqual([{ whys: '[]' }]);
    });

    test('two that open it at once both find it ready', async () => {
      const where = await place();
      const opened = await Promise.all([openDatabase(where), openDatabase(where)]);
      expect(await Promise.all(opened.map(settings))).toEqual([[], []]);
      for (const each of opened) await each[Symbol.asyncDispose]();
    });
  });
}

async function settings(database: FleetDatabase): Promise<unknown> {
  return await database.reads.selectFrom('settings').selectAll().execute();
}
