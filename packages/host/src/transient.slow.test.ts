import { cp, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { recordBoot } from './booted.ts';
import { hostDrift } from './drift.ts';
import { finalizeStaged } from './finalize.ts';
import { ROOT_SETUP_PATH } from './root-setup.ts';
import { hostStatus } from './status.ts';
import { ETC_V2_MERGED, editEtc, etcOf, installed, V2 } from './testing/scenario.ts';
import { boot, hostDir, reboot, stage, type TestHost } from './testing/test-host.ts';
import { type TestImage } from './testing/test-image.ts';

const FORGETFUL = {
  'usr/lib/composefs': { directory: 0o755 },
  [ROOT_SETUP_PATH.slice(1)]: '[etc]\nmount = "transient"\n',
} as const;
const V2_FORGETFUL: TestImage = { ...V2, files: { ...V2.files, ...FORGETFUL } };
const V3_KEEPING: TestImage = { ...V2, version: '3', files: { ...V2.files, 'usr/v3': 'v3' } };
const MACHINE_ID = `${'7'.repeat(32)}\n`;

/** What the initramfs makes of a host whose image wants a transient /etc. */
async function withEtcInMemory(host: TestHost): Promise<TestHost> {
  const etc = join(host.directory, 'memory');
  await rm(etc, { recursive: true, force: true });
  await cp(host.etc, etc, { recursive: true });
  const mountInfo = `${await host.mountInfo()}23 21 0:9 / /etc rw - overlay transient:etc rw\n`;
  return { ...host, etc, mountInfo: async () => mountInfo };
}

test('what is kept goes on from image to image below an /etc in memory; what is in memory does not', async () => {
  await using dir = await hostDir('transient');
  const first = await installed(dir.path);
  await editEtc(first);
  await stage(first, V2_FORGETFUL);
  const second = await withEtcInMemory(await reboot(first));
  await writeFile(join(second.etc, 'default'), 'only now');
  await writeFile(join(second.etc, 'machine-id'), MACHINE_ID);
  await recordBoot(second);
  expect((await hostStatus(second)).slipway.transient).toEqual(['/etc']);
  expect(await hostDrift(second)).toMatchObject({ transient: true });
  const conflict = await stage(second, V3_KEEPING, 'fail');
  expect(conflict).toMatchObject({ kind: 'staged', etcConflicts: [] });
  await mkdir(join(second.etc, 'ssh'));
  await writeFile(join(second.etc, 'ssh/ssh_host_ed25519_key'), 'key', { mode: 0o600 });
  const third = await reboot(second);
  expect(await etcOf(third)).toEqual({
    ...ETC_V2_MERGED,
    'machine-id': MACHINE_ID,
    'ssh/ssh_host_ed25519_key': 'key',
  });
  expect((await stat(join(third.etc, 'ssh/ssh_host_ed25519_key'))).mode & 0o777).toBe(0o600);
  expect((await hostStatus(third)).slipway.transient).toEqual([]);
});

test('an identity that is kept stays, and one that says nothing is none', async () => {
  await using dir = await hostDir('transient');
  const host = await withEtcInMemory(await installed(dir.path));
  await writeFile(join(host.etc, 'machine-id'), 'uninitialized\n');
  await finalizeStaged(host);
  const { etc } = host.layout.deployment(host.bootedId);
  await expect(readFile(join(etc, 'machine-id'))).rejects.toMatchObject({ code: 'ENOENT' });
  for (const id of [MACHINE_ID, `${'8'.repeat(32)}\n`]) {
    await writeFile(join(host.etc, 'machine-id'), id);
    await finalizeStaged(host);
    expect(await readFile(join(etc, 'machine-id'), 'utf8')).toBe(MACHINE_ID);
  }
});

test('a host that was reset and waits for its restart keeps nothing of who it was', async () => {
  await using dir = await hostDir('transient');
  const host = await withEtcInMemory(await installed(dir.path));
  await writeFile(join(host.etc, 'machine-id'), MACHINE_ID);
  const mountInfo = `${await host.mountInfo()}24 21 8:2 /state.1/os/default/var /var rw - ext4 /dev/vda2 rw\n`;
  const left = { ...host, mountInfo: async () => mountInfo };
  await finalizeStaged(left);
  const kept = join(host.layout.deployment(host.bootedId).etc, 'machine-id');
  await expect(readFile(kept)).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(stage(left, V2)).rejects.toMatchObject({ code: 'RESTART_NEEDED' });
});

test('an image whose root the initramfs could not put together is not staged', async () => {
  await using dir = await hostDir('transient');
  const host = await installed(dir.path);
  const files = { ...V2_FORGETFUL.files, [ROOT_SETUP_PATH.slice(1)]: '[etc]\nmount = "elsewhere"\n' };
  await expect(stage(host, { ...V2, files })).rejects.toMatchObject({ code: 'IMAGE_NOT_BOOTABLE' });
  expect((await boot(dir.path)).bootedId).toBe(host.bootedId);
});
