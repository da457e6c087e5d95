/** The script that makes a directory of an image writable, in a mount namespace whose root changes as deployments do. */
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, run } from '@slipway/core';
import { expect, test } from 'vitest';
import { ROOT } from './harness/slipway.ts';

const SCRIPT = `${ROOT}/os/libexec/state-overlay`;

/** Boots a deployment as far as the script can tell: its image as the root, /var kept. Then runs a script; what it printed. */
async function onHost(directory: string, deployment: string, script: string): Promise<string> {
  const image = join(directory, deployment);
  const mounts = [
    `mount -t tmpfs var ${directory}/mounts`,
    `mkdir -p ${directory}/mounts/root`,
    `mount -t overlay composefs:${deployment} -o ro,lowerdir=${image}:${directory}/none ${directory}/mounts/root`,
    ...['usr', 'proc', 'dev'].map((name) => `mount --rbind /${name} ${directory}/mounts/root/${name}`),
    `mount --bind ${directory}/var ${directory}/mounts/root/var`,
    `exec chroot ${directory}/mounts/root sh -euc "$0" sh`,
  ];
  const argv = ['unshare', '--mount', '--', 'sh', '-euc', mounts.join('\n'), script] as const;
  return (await run(argv, { describe: 'run a script on a host' })).stdout.toString('utf8');
}

async function makeImage(
  directory: string,
  deployment: string,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  const image = join(directory, deployment);
  for (const name of ['usr', 'proc', 'dev', 'var', 'opt/tool'])
    await mkdir(join(image, name), { recursive: true });
  for (const [name, target] of Object.entries({
    bin: 'usr/bin',
    lib: 'usr/lib',
    lib64: 'usr/lib64',
    sbin: 'usr/sbin',
  })) {
    await run(['ln', '-sfn', target, join(image, name)], { describe: 'link a directory' });
  }
  await copyFile(SCRIPT, join(image, 'script'));
  for (const [name, text] of Object.entries(files)) await writeFile(join(image, 'opt/tool', name), text);
}

test('what a host adds stays, what it changed of the image goes with the next deployment', async () => {
  await using dir = await makeTempDir('state-overlay', '/dev/shm');
  for (const name of ['none', 'mounts', 'var']) await mkdir(join(dir.path, name));
  await makeImage(dir.path, 'one', { version: '1', removed: 'image', same: 'image' });
  await makeImage(dir.path, 'two', { version: '2', removed: 'image', same: 'image' });
  const change =
    'cd /opt/tool; echo mine >version; rm removed; echo mine >added; mkdir -p own; echo mine >own/file';
  const list = 'cd /opt/tool; grep -r . . | sort';
  await onHost(dir.path, 'one', `sh /script opt; ${change}`);
  expect(await onHost(dir.path, 'one', `sh /script opt; ${list}`)).toBe(
    './added:mine\n./own/file:mine\n./same:image\n./version:mine\n',
  );
  expect(await onHost(dir.path, 'two', `sh /script opt; ${list}`)).toBe(
    './added:mine\n./own/file:mine\n./removed:image\n./same:image\n./version:2\n',
  );
});
