import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { layoutSource, type Reference } from '@slipway/oci';
import { expect, test } from 'vitest';
import { recordBoot } from '../booted.ts';
import { V1 } from '../testing/scenario.ts';
import { boot, hostDir, installHost, type TestHost } from '../testing/test-host.ts';
import { fsckHost } from './fsck-host.ts';

const UID = process.getuid?.() ?? 0;

/** A host whose image has accounts; its files belong to `owner`. */
async function withAccounts(directory: string): Promise<TestHost> {
  const files = {
    ...V1.files,
    'etc/passwd': `owner:x:${UID}:7::/:/bin/sh\nshop:x:990:990::/:/bin/false\n`,
    'etc/shadow': { text: 'owner:*:1::::::\nshop:!:1::::::\n', mode: 0o640 },
    'etc/group': 'shop:x:990:\n',
    'etc/gshadow': { text: 'shop:!::\n', mode: 0o640 },
  };
  await installHost(directory, { ...V1, files });
  const host = await boot(directory);
  await recordBoot(host);
  return host;
}

async function check(host: TestHost, repair: boolean) {
  const openSource = (reference: Reference) => {
    if (reference.kind !== 'oci') throw new Error('a test image is in a layout');
    return layoutSource(reference);
  };
  return await fsckHost(host, { repair, openSource });
}

test('secrets without an account are named, and go with a repair', async () => {
  await using dir = await hostDir('accounts');
  const host = await withAccounts(dir.path);
  expect(await check(host, false)).toEqual({ kind: 'clean', findings: [] });
  const gshadow = join(host.etc, 'gshadow');
  await writeFile(gshadow, 'gone:!::\nshop:!::\n');
  await chmod(gshadow, 0o604);
  const found = { part: 'deployment', kind: 'account-stale', name: gshadow };
  expect(await check(host, false)).toMatchObject({
    kind: 'damaged',
    findings: [{ ...found, repaired: false }],
  });
  expect(await readFile(gshadow, 'utf8')).toContain('gone');
  expect(await check(host, true)).toMatchObject({
    kind: 'repaired',
    findings: [{ ...found, repaired: true }],
  });
  expect(await readFile(gshadow, 'utf8')).toBe('shop:!::\n');
  expect((await stat(gshadow)).mode & 0o7777).toBe(0o604);
  expect((await readdir(host.etc)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  expect(await check(host, true)).toEqual({ kind: 'clean', findings: [] });
});

test('another number is named where files of the image have it', async () => {
  await using dir = await hostDir('accounts');
  const host = await withAccounts(dir.path);
  const passwd = join(host.etc, 'passwd');
  // Nothing of the image belongs to this one.
  await writeFile(passwd, (await readFile(passwd, 'utf8')).replace('shop:x:990', 'shop:x:991'));
  expect(await check(host, true)).toEqual({ kind: 'clean', findings: [] });
  await writeFile(passwd, (await readFile(passwd, 'utf8')).replace(`owner:x:${UID}`, 'owner:x:4711'));
  const result = await check(host, true);
  expect(result).toMatchObject({
    kind: 'damaged',
    findings: [{ part: 'deployment', kind: 'account-number', name: 'owner', repaired: false }],
  });
  expect(result.findings[0]?.message).toContain(`the number 4711 here, and ${UID} in the image`);
});
