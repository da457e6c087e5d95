/**
 * Scripts of a kickstart file in a system that was just written: a real image on a real file system, put together as its initramfs would.
 * What needs a kernel with FAT is in virtual machines.
 */
import { mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, run } from '@slipway/core';
import { parseReference } from '@slipway/oci';
import { expect, test } from 'vitest';
import { fetchHost } from '../packages/install/src/installation/install-to-disk.ts';
import { withScripts } from '../packages/install/src/installation/with-scripts.ts';
import { executeUnsealed } from './harness/execute-unsealed.ts';
import { baseImage } from './harness/images.ts';

const say = (line: string): void => void process.stderr.write(`  ${line}\n`);

const INSIDE = `. /etc/os-release
echo "in $ID as $(id -u)"
touch /etc/made-inside /var/lib/made-inside /tmp/scratch
touch /usr/made-inside 2>&1 | grep -o 'Read-only file system'
test -e /proc/self/status
`;
const OUTSIDE = 'ls "$ANA_INSTALL_PATH/etc/made-inside" "$ANA_INSTALL_PATH/usr/lib/os-release" | wc -l\n';

test('%post runs in the new system, which keeps what it writes; %post --nochroot sees it from outside', async () => {
  const image = parseReference(await baseImage('trixie', say));
  await using dir = await makeTempDir('install-scripts');
  const disk = join(dir.path, 'root.img');
  await writeFile(disk, '');
  await truncate(disk, 3 * 1024 ** 3);
  await using attached = new AsyncDisposableStack();
  const loop = await output('losetup', '--find', '--show', disk);
  attached.defer(async () => {
    await output('losetup', '--detach', loop);
  });
  await using host = await fetchHost(
    {
      image,
      target: image,
      checksTarget: false,
      architecture: 'amd64',
      kernelArguments: [],
      storeDirectory: join(dir.path, 'store'),
      cacheDirectory: join(dir.path, 'downloads'),
    },
    {},
  );
  const directory = join(dir.path, 'mounted');
  await mkdir(join(directory, 'boot'), { recursive: true });
  const common = { when: 'post', interpreter: '/bin/sh', stopsOnError: true, file: 'ks.cfg' } as const;
  const scripts = [
    { ...common, inNewSystem: true, logFile: '/var/log/post.log', body: INSIDE, line: 1 },
    { ...common, inNewSystem: false, logFile: join(dir.path, 'outside.log'), body: OUTSIDE, line: 9 },
  ];
  const steps = withScripts(
    [
      {
        kind: 'make-file-system',
        device: loop,
        fileSystem: 'ext4',
        uuid: '1b7b3324-5fd0-4146-9a58-d0259ce54c0f',
        label: 'root',
      },
      { kind: 'mount', device: loop, fileSystem: 'ext4', options: undefined, tree: 'root', at: '' },
      { kind: 'write-host', root: 'root', boot: 'boot' },
      { kind: 'release' },
    ],
    scripts,
    { mounts: [], deployment: host.deployment.id },
  );
  await executeUnsealed(steps, { host, directory, scripts });
  expect(await readFile(join(dir.path, 'outside.log'), 'utf8')).toBe('2\n');
  expect(await readFile(join(directory, 'boot/loader/entries/slipway-1+3.conf'), 'utf8')).toContain(
    host.deployment.id,
  );
  expect(await output('findmnt', '--list', '--noheadings', '--output', 'TARGET')).not.toContain(directory);
  const { id } = host.deployment;
  expect(await output('debugfs', '-R', 'cat /state/os/default/var/log/post.log', disk)).toBe(
    'in debian as 0\nRead-only file system',
  );
  expect(await output('debugfs', '-R', `stat /state/deploy/${id}/etc/made-inside`, disk)).toContain(
    'Type: regular',
  );
  await output('e2fsck', '-fn', disk);
});

async function output(...argv: readonly [string, ...string[]]): Promise<string> {
  return (await run(argv, { describe: `run ${argv[0]}` })).stdout.toString().trim();
}
