import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { makeTempDir, type TempDir } from '@slipway/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { backUpFleet, restoreFleet } from './backup.ts';
import { openDatabase } from './database.ts';

let directory: TempDir;
let backup: string;
const ENTRIES = 1203;

beforeAll(async () => {
  directory = await makeTempDir('fleet-backup');
  const file = join(directory.path, 'fleet.db');
  backup = join(directory.path, 'fleet.backup');
  await using database = await openDatabase(file);
  await database.transact(async (transaction) => {
    await transaction.insertInto('settings').values({ name: 'greeting', value: 'grüß Gott\n' }).execute();
    const entry = { at_ms: 1, what: 'x', message: 'y', release: null };
    for (let each = 0; each < ENTRIES; each += 1) {
      await transaction
        .insertInto('timeline')
        .values({ ...entry, device: `d${each}` })
        .execute();
    }
  });
  expect(await backUpFleet(file, backup)).toEqual({ rows: ENTRIES + 1 });
}, 300_000);
afterAll(async () => await directory[Symbol.asyncDispose]());

test('what was backed up is there again, once', async () => {
  const to = join(directory.path, 'again.db');
  expect(await restoreFleet(to, backup)).toEqual({ rows: ENTRIES + 1 });
  {
    await using database = await openDatabase(to);
    expect(await database.reads.selectFrom('settings').select('value').execute()).toEqual([
      { value: 'grüß Gott\n' },
    ]);
    expect(await database.reads.selectFrom('timeline').select('device').execute()).toHaveLength(ENTRIES);
  }
  await expect(restoreFleet(to, backup)).rejects.toMatchObject({ code: 'FLEET_CONFLICT' });
});

test('only its owner can read a backup', async () => {
  expect((await stat(backup)).mode & 0o777).toBe(0o600);
});

test.each([
  ['cut off', (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)],
  [
    'without its last line',
    (bytes: Buffer) =>
      gzipSync(
        gunzipSync(bytes)
          .toString()
          .replace(/[^\n]*\n$/, ''),
      ),
  ],
  ['with a row changed', (bytes: Buffer) => gzipSync(gunzipSync(bytes).toString().replace('"d7"', '"d8"'))],
  [
    'of a newer version',
    (bytes: Buffer) =>
      gzipSync(
        gunzipSync(bytes)
          .toString()
          .replace(/"schema":\d+/, '"schema":999'),
      ),
  ],
  ['that is something else', () => Buffer.from('hello')],
  ['that is empty', () => Buffer.alloc(0)],
])('a backup %s is refused before anything is written', async (name, damage) => {
  const damaged = join(directory.path, `${name}.backup`);
  await writeFile(damaged, damage(await readFile(backup)));
  const to = join(directory.path, `${name}.db`);
  await expect(restoreFleet(to, damaged)).rejects.toMatchObject({ code: 'FLEET_BACKUP_INVALID' });
  await expect(stat(to)).rejects.toMatchObject({ code: 'ENOENT' });
});
