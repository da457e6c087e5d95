/**
 * os/libexec/installer itself, in a mount namespace that has what it finds in a live system: the root of a real medium, a kernel command line,
 * a disk. With a kernel, a boot loader and a network it runs in tests/installer-vm.test.ts.
 */
import { chmod, mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, run, type TempDir } from '@slipway/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ROOT, slipwayJson } from './harness/slipway.ts';
import { member, writeTinyImage } from './harness/tiny-image.ts';

const MIB = 1024 ** 2;
const NAMESPACE = `set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/slipway/live
mount --bind "$1/live" /run/slipway/live
mount --bind "$1/cmdline" /proc/cmdline
mount --bind "$1/consoles" /proc/consoles
exec sh "$2"
`;

let temp: TempDir;
let deployment: string;
let other: string;

beforeAll(async () => {
  temp = await makeTempDir('installer-script');
  const image = await writeTinyImage(join(temp.path, 'layout'), {
    extra: [member({ path: 'etc/passwd' }, Buffer.from('root:x:0:0:root:/var/roothome:/bin/sh\n'))],
  });
  other = await writeTinyImage(join(temp.path, 'layout'), {
    tag: 'other',
    extra: [member({ path: 'etc/other' }, Buffer.from('another image\n'))],
  });
  const made = ['--type', 'iso', '-o', temp.path, '--cache', join(temp.path, 'cache')];
  const payload = ['--payload', `second=${other}`];
  ({ deployment } = (await slipwayJson(['image', image, ...made, ...payload])) as { deployment: string });
  for (const name of ['live', 'medium', 'bin']) await mkdir(join(temp.path, name));
  await output('bsdtar', '-x', '-C', join(temp.path, 'medium'), '-f', join(temp.path, 'install.iso'));
  await output('debugfs', '-R', `rdump / ${temp.path}/live`, join(temp.path, 'medium/slipway/root.img'));
  await writeFile(join(temp.path, 'consoles'), '');
  // The machine these tests run on must go on running.
  await writeFile(join(temp.path, 'bin/systemctl'), `#!/bin/sh\necho "$*" >> ${temp.path}/systemctl.log\n`);
  await chmod(join(temp.path, 'bin/systemctl'), 0o755);
});
afterAll(async () => {
  await temp[Symbol.asyncDispose]();
});

async function output(...argv: readonly [string, ...string[]]): Promise<string> {
  return (await run(argv, { describe: `run ${argv[0]}` })).stdout.toString().trim();
}

async function installer(commandLine: string): Promise<{ readonly said: string; readonly asked: string }> {
  await writeFile(join(temp.path, 'cmdline'), `${commandLine}\n`);
  await writeFile(join(temp.path, 'systemctl.log'), '');
  const command = ['sh', '-c', NAMESPACE, 'sh', temp.path, `${ROOT}/os/libexec/installer`] as const;
  const { stdout } = await run(['unshare', '--mount', '--propagation', 'private', ...command], {
    describe: 'run the installer',
    env: { PATH: `${temp.path}/bin:${ROOT}/bin:${process.env['PATH']}` },
    allowExitCodes: [1],
  });
  return { said: stdout.toString(), asked: await readFile(join(temp.path, 'systemctl.log'), 'utf8') };
}

/** A disk of the machine, gone with `attached`. */
async function newDisk(name: string, attached: AsyncDisposableStack): Promise<Disk> {
  const path = join(temp.path, name);
  await writeFile(path, '');
  await truncate(path, 5 * 1024 ** 3);
  const loop = await output('losetup', '--find', '--show', path);
  attached.defer(async () => {
    await output('losetup', '--detach', loop);
  });
  return { path, loop };
}

interface Disk {
  readonly path: string;
  readonly loop: string;
}

test('inst.ks= takes the place of what the medium says: disk, scripts, what it includes, how the machine ends', async () => {
  await using attached = new AsyncDisposableStack();
  const { path: disk, loop } = await newDisk('disk.img', attached);
  const kickstart = join(temp.path, 'ks.cfg');
  await writeFile(join(temp.path, 'part.cfg'), 'network --hostname=from-part\nzerombr\nclearpart --all\n');
  await writeFile(
    kickstart,
    `%include part.cfg\nrootpw --lock\npoweroff\n%pre\ntouch ${temp.path}/pre-ran\n%end\n`,
  );
  const { said, asked } = await installer(
    `quiet slipway.install slipway.device=${loop} inst.ks=${kickstart}`,
  );
  expect(said).toMatch(/^SLIPWAY-INSTALL: success$/m);
  expect(asked).toBe('--no-block poweroff\n');
  expect(await readFile(join(temp.path, 'pre-ran'), 'utf8')).toBe('');
  await output('sfdisk', '--verify', disk);
  const name = `cat /state/deploy/${deployment}/etc/hostname`;
  expect(await output('debugfs', '-R', name, `${disk}?offset=${1025 * MIB}`)).toBe('from-part');
});

test.each([
  [
    'inst.ks=nfs:server:/ks.cfg',
    /failure: cannot read the kickstart file nfs:server:\/ks\.cfg: it must be http/,
  ],
  ['inst.ks=/nowhere/ks.cfg', /failure: cannot .*\/nowhere\/ks\.cfg/],
])('%s is a failure automation sees, and the machine stays', async (argument, message) => {
  const { said, asked } = await installer(`slipway.install ${argument}`);
  expect(said).toMatch(/^SLIPWAY-INSTALL: failure: /m);
  expect(said).toMatch(message);
  expect(asked).toBe('');
});

test('slipway.payload= installs another image of the medium, which follows its own reference', async () => {
  await using attached = new AsyncDisposableStack();
  const { path, loop } = await newDisk('other.img', attached);
  const device = `slipway.device=${loop} slipway.after=poweroff`;
  const { said, asked } = await installer(
    `slipway.install slipway.unattended ${device} slipway.payload=second`,
  );
  expect(said).toMatch(/^SLIPWAY-INSTALL: success$/m);
  expect(asked).toBe('--no-block poweroff\n');
  const root = `${path}?offset=${1025 * MIB}`;
  const [id = ''] = (await output('debugfs', '-R', 'ls -p /state/deploy', root)).match(/[0-9a-f]{64}/) ?? [];
  expect(id).not.toBe(deployment);
  expect(await output('debugfs', '-R', `cat /state/deploy/${id}/etc/other`, root)).toBe('another image');
  expect(await output('debugfs', '-R', `cat /state/deploy/${id}/${id}.origin`, root)).toContain(other);
});

test.each(['third', '../second'])('an image that is not on the medium is a failure: %s', async (name) => {
  const { said, asked } = await installer(`slipway.install slipway.unattended slipway.payload=${name}`);
  expect(said).toContain(`SLIPWAY-INSTALL: failure: there is no image ${name} on this medium`);
  expect(asked).toBe('');
});
