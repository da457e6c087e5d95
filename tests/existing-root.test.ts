/**
 * `slipway install to-existing-root` on directories that stand for the root and the boot partition of a system: what is refused, what
 * stays and what goes. Kernels here mount no FAT.
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, type TempDir } from '@slipway/core';
import { parseReference } from '@slipway/oci';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fetchHost } from '../packages/install/src/installation/install-to-disk.ts';
import { planFilesystem } from '../packages/install/src/installation/install-to-filesystem.ts';
import { executeUnsealed } from './harness/execute-unsealed.ts';
import { slipway, slipwayJson } from './harness/slipway.ts';
import { member, writeTinyImage } from './harness/tiny-image.ts';

let temp: TempDir;
let image: string;

beforeAll(async () => {
  temp = await makeTempDir('existing-root');
  image = await writeTinyImage(join(temp.path, 'images'), {
    extra: [member({ path: 'etc/passwd' }, Buffer.from('root:x:0:0:root:/var/roothome:/bin/sh\n'))],
  });
});
afterAll(async () => {
  await temp[Symbol.asyncDispose]();
});

async function refusal(...args: readonly string[]): Promise<string> {
  const common = ['--cache', join(temp.path, 'cache'), '--source-imgref', image];
  const command = ['install', 'to-existing-root', ...common, ...args];
  const { stderr, stdout, exitCode } = await slipway(command, { allowExitCodes: [2, 3, 4] });
  expect(exitCode).not.toBe(0);
  expect(stdout.toString()).toBe('');
  return stderr;
}

test('a machine is not taken over by accident', async () => {
  expect(await refusal()).toMatch(
    /cannot take over this machine: that cannot be undone\nhint: .*--dry-run, then give --acknowledge-destructive/,
  );
});

test.each([[['--dry-run']], [['--acknowledge-destructive']]])(
  'a directory nothing is mounted at is no root: %j',
  async (args) => {
    const path = join(temp.path, 'plain');
    await mkdir(path, { recursive: true });
    expect(await refusal(...args, path)).toMatch(
      /cannot install to .*plain: no file system is mounted there/,
    );
    expect(await refusal(...args, join(temp.path, 'missing'))).toMatch(/cannot install to .*missing/);
  },
);

test('the files of the system stay, its boot partition is that of the host in the end', async () => {
  const [root, boot] = [join(temp.path, 'root'), join(temp.path, 'root/boot/efi')];
  await mkdir(join(root, 'etc'), { recursive: true });
  await mkdir(join(boot, 'EFI/BOOT'), { recursive: true });
  await mkdir(join(boot, 'EFI/other'));
  await writeFile(join(root, 'etc/hostname'), 'before\n');
  await writeFile(join(boot, 'EFI/BOOT/BOOTX64.EFI'), 'another boot loader');
  const reference = parseReference(image);
  await using host = await fetchHost(
    {
      image: reference,
      target: reference,
      checksTarget: false,
      architecture: 'amd64',
      kernelArguments: [],
      storeDirectory: join(temp.path, 'store'),
      cacheDirectory: join(temp.path, 'downloads'),
    },
    {},
  );
  const plain = { uuid: undefined, isReadOnly: false, subvolume: undefined };
  const place = {
    root: { ...plain, mountpoint: root, source: '/dev/vda2', fileSystem: 'ext4' },
    boot: { ...plain, mountpoint: boot, source: '/dev/vda1', fileSystem: 'vfat' },
    entries: ['etc'],
    bootEntries: ['EFI'],
    isSealed: false,
  };
  const steps = planFilesystem(place, { replace: 'alongside', skipsFinalize: true });
  await executeUnsealed(steps, { host, directory: '/', scripts: [] });
  const { id } = host.deployment;
  expect(await readFile(join(root, 'etc/hostname'), 'utf8')).toBe('before\n');
  expect(await readFile(join(root, `state/deploy/${id}/etc/passwd`), 'utf8')).toMatch(/^root:/);
  expect(existsSync(join(boot, 'EFI/other'))).toBe(false);
  expect(await readFile(join(boot, 'EFI/BOOT/BOOTX64.EFI'), 'utf8')).not.toBe('another boot loader');
  expect(await readFile(join(boot, 'loader/entries/slipway-1+3.conf'), 'utf8')).toContain(id);
  await expectCompletion(root, boot, id);
});

/** ensure-completion finds nothing wrong, then everything that is broken. */
async function expectCompletion(root: string, boot: string, id: string): Promise<void> {
  const ask = ['install', 'ensure-completion', root] as const;
  expect(await slipwayJson(ask)).toEqual({ isComplete: true, deployments: [id], problems: [] });
  await rm(join(boot, `EFI/Linux/slipway-${id}/initrd`));
  await rm(join(root, `state/deploy/${id}/var`));
  await rm(join(root, `composefs/objects/${id.slice(0, 2)}/${id.slice(2)}`));
  const { exitCode, stdout } = await slipway([...ask, '--boot', boot], { allowExitCodes: [1] });
  const said = stdout.toString();
  expect(exitCode).toBe(1);
  expect(said).toContain(id);
  expect(said).toContain(`deploy/${id}/var: it does not lead to`);
  expect(said).toContain(`slipway-1+3.conf: there is no /EFI/Linux/slipway-${id}/initrd`);
  await rm(join(boot, 'loader/entries'), { recursive: true });
  const lost = await slipway(ask, { allowExitCodes: [3] });
  expect(lost.stderr).toMatch(/cannot find the boot partition of the host .*\nhint: .*--boot DIR/);
}
