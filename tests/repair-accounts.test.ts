/** Accounts of a host brought in order, with files that really change hands: needs root, as the command does. */
import { chmod, lchown, lstat, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { repairAccounts } from '@slipway/host';
import { expect, test } from 'vitest';
import { recordBoot } from '../packages/host/src/booted.ts';
import { events, V1 } from '../packages/host/src/testing/scenario.ts';
import { boot, hostDir, installHost, type TestHost } from '../packages/host/src/testing/test-host.ts';

const IDLE = { dryRun: false, busyUsers: async () => new Set<number>() } as const;
const PREVIEW = { ...IDLE, dryRun: true } as const;
const PASSWD = 'root:x:0:0::/:/bin/sh\nshop:x:990:0::/:/bin/false\n';

/** A host on which `shop` has the number 991, while a file of its image belongs to 990. */
async function drifted(directory: string): Promise<TestHost> {
  const files = {
    ...V1.files,
    'usr/shop': { text: 'of the shop', mode: 0o644, uid: 990 },
    'etc/passwd': PASSWD,
    'etc/group': 'root:x:0:\n',
    'etc/gshadow': { text: 'root:!::\n', mode: 0o640 },
  };
  await installHost(directory, { ...V1, files });
  const host = await boot(directory);
  await recordBoot(host);
  await writeFile(join(host.etc, 'gshadow'), 'gone:!::\nroot:!::\n');
  await writeFile(join(host.etc, 'passwd'), PASSWD.replace('990', '991'));
  const data = join(host.layout.varDirectory, 'shop');
  await mkdir(data);
  for (const name of ['db', 'run', 'other']) await writeFile(join(data, name), name);
  await symlink('/nowhere', join(data, 'link'));
  for (const path of [data, ...['db', 'run', 'link'].map((name) => join(data, name))])
    await lchown(path, 991, 5);
  await chmod(join(data, 'run'), 0o4755);
  return host;
}

async function owners(host: TestHost): Promise<readonly string[]> {
  const data = join(host.layout.varDirectory, 'shop');
  const lines = ['.', 'db', 'run', 'other', 'link'].map(async (name) => {
    const { uid, gid, mode } = await lstat(join(data, name));
    return `${name} ${uid}:${gid} ${(mode & 0o7000).toString(8)}`;
  });
  return await Promise.all(lines);
}

test('stale lines go, an account gets the number of the image, and its files with it', async () => {
  await using dir = await hostDir('repair-accounts');
  const host = await drifted(dir.path);
  const before = await owners(host);
  const found = {
    stale: [{ file: 'gshadow', names: ['gone'] }],
    renumbered: [{ kind: 'user', name: 'shop', from: 991, to: 990 }],
    blocked: [],
    files: 4,
  };
  expect(await repairAccounts(host, PREVIEW)).toEqual({ kind: 'would-repair', ...found });
  expect(await owners(host)).toEqual(before);
  expect(await repairAccounts(host, IDLE)).toEqual({ kind: 'repaired', ...found });
  expect(await owners(host)).toEqual([
    '. 990:5 0',
    'db 990:5 0',
    'run 990:5 4000',
    'other 0:0 0',
    'link 990:5 0',
  ]);
  expect(await readFile(join(host.etc, 'passwd'), 'utf8')).toBe(PASSWD);
  expect(await readFile(join(host.etc, 'gshadow'), 'utf8')).toBe('root:!::\n');
  expect(await events(host)).toContain('repaired');
  expect(await repairAccounts(host, IDLE)).toMatchObject({ kind: 'nothing-to-do', files: 0 });
});

test('what was cut short is gone on with', async () => {
  await using dir = await hostDir('repair-accounts');
  const host = await drifted(dir.path);
  // Half of the files were given before the power failed; passwd comes last.
  await lchown(join(host.layout.varDirectory, 'shop/db'), 990, 5);
  expect(await repairAccounts(host, IDLE)).toMatchObject({ kind: 'repaired', files: 3 });
  expect(await repairAccounts(host, PREVIEW)).toMatchObject({ kind: 'nothing-to-do' });
});

test('a user who runs processes is left alone, and stale lines go all the same', async () => {
  await using dir = await hostDir('repair-accounts');
  const host = await drifted(dir.path);
  const before = await owners(host);
  const busy = { ...IDLE, busyUsers: async () => new Set([991]) };
  expect(await repairAccounts(host, busy)).toMatchObject({
    kind: 'left',
    blocked: [{ name: 'shop', why: 'it runs processes: stop them first' }],
    files: 0,
  });
  expect(await owners(host)).toEqual(before);
  expect(await readFile(join(host.etc, 'gshadow'), 'utf8')).toBe('root:!::\n');
});
