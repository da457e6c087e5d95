import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, type TempDir } from '@slipway/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FleetDatabase, openDatabase } from '../database/database.ts';
import { SecretFiles } from './secret-files.ts';

let directory: TempDir;
let database: FleetDatabase;
let secrets: SecretFiles;
const shop = { organisation: 'default', fleet: 'shops' };

beforeAll(async () => {
  directory = await makeTempDir('secrets');
  const root = join(directory.path, 'secrets');
  const place = join(root, 'default', 'shops');
  await mkdir(join(place, 'deep'), { recursive: true });
  await mkdir(join(root, 'default', 'other'));
  await writeFile(join(directory.path, 'outside'), 'not for devices');
  await writeFile(join(root, 'default', 'other', 'key'), 'of another fleet');
  await writeFile(join(place, 'key'), Buffer.from([0, 255, 10]));
  await writeFile(join(place, 'deep', 'key'), 'deep');
  await writeFile(join(place, 'large'), Buffer.alloc(2 ** 20 + 1));
  await writeFile(join(place, '.hidden'), 'x');
  await symlink('deep/key', join(place, 'link'));
  await symlink('../other/key', join(place, 'shared'));
  await symlink(join(directory.path, 'outside'), join(place, 'out'));
  await symlink('nowhere', join(place, 'broken'));
  await symlink(directory.path, join(place, 'up'));
  database = await openDatabase(join(directory.path, 'fleet.db'));
  secrets = await SecretFiles.open(root, database);
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
});

test('a secret is its bytes; links within the directory are followed', async () => {
  expect(await secrets.read({ ...shop, file: 'key' })).toEqual(Buffer.from([0, 255, 10]));
  expect(String(await secrets.read({ ...shop, file: 'deep/key' }))).toBe('deep');
  expect(String(await secrets.read({ ...shop, file: 'link' }))).toBe('deep');
  expect(String(await secrets.read({ ...shop, file: 'shared' }))).toBe('of another fleet');
});

test.each([
  '../other/key',
  'deep/../../other/key',
  '/etc/passwd',
  './key',
  '',
  'out',
  'up/outside',
  'broken',
  'none',
  'deep',
  'large',
  '.hidden',
  'key\0',
  'key/',
])('%j is refused, and nothing of the server is said', async (file) => {
  const refused = secrets.read({ ...shop, file });
  await expect(refused).rejects.toMatchObject({ code: 'FLEET_SOURCE_FAILED' });
  await expect(refused).rejects.not.toThrow(directory.path);
});

test('without a directory there are none', async () => {
  const none = await SecretFiles.open(undefined, database);
  await expect(none.read({ ...shop, file: 'key' })).rejects.toThrow('no directory of secrets');
});

test('digests are the same on every replica, and no plain hash', async () => {
  const other = await SecretFiles.open(undefined, database);
  expect(other.digest('hunter2')).toBe(secrets.digest('hunter2'));
  await using elsewhere = await openDatabase(join(directory.path, 'other.db'));
  expect((await SecretFiles.open(undefined, elsewhere)).digest('hunter2')).not.toBe(
    secrets.digest('hunter2'),
  );
});
