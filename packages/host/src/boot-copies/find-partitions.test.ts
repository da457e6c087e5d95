import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { makeTempDir, type TempDir } from '@slipway/core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { otherBootPartitions } from './find-partitions.ts';

let temp: TempDir;
beforeEach(async () => {
  temp = await makeTempDir('sysfs');
});
afterEach(async () => {
  await temp[Symbol.asyncDispose]();
});

const PLACES = { sysroot: '/sysroot', esp: '/boot' };

/** Devices as the kernel shows them: the name of a partition by its path (`vda/vda1`), the devices below one by its. */
async function sysfs(
  partitions: Readonly<Record<string, string>>,
  slaves: Readonly<Record<string, readonly string[]>>,
): Promise<string> {
  const devices = join(temp.path, 'class/block');
  await mkdir(devices, { recursive: true });
  const paths = new Set([
    ...Object.keys(partitions).flatMap((path) => [dirname(path), path]),
    ...Object.keys(slaves),
  ]);
  for (const path of paths) {
    const real = join(temp.path, 'devices', path);
    await mkdir(join(real, 'slaves'), { recursive: true });
    const name = path.split('/').at(-1) ?? '';
    await symlink(relative(devices, real), join(devices, name));
    const facts = partitions[path] === undefined ? '' : `PARTN=1\nPARTNAME=${partitions[path]}\n`;
    await writeFile(join(real, 'uevent'), `MAJOR=8\nDEVNAME=${name}\n${facts}`);
    for (const each of slaves[path] ?? []) await symlink(each, join(real, 'slaves', each));
  }
  return devices;
}

function mounts(root: string, boot = '/dev/vda1'): string {
  return [
    `22 21 9:127 / /sysroot rw - btrfs ${root} rw`,
    `30 21 254:1 / /boot rw - vfat ${boot} rw`,
    '',
  ].join('\n');
}

const TWO_DISKS = {
  'vda/vda1': 'slipway-esp',
  'vda/vda2': 'slipway-bios',
  'vda/vda3': 'data',
  'vdb/vdb1': 'slipway-esp',
  'vdb/vdb3': 'data',
  'vdc/vdc1': 'slipway-esp',
};

test.each<[string, Readonly<Record<string, readonly string[]>>, string, string, readonly string[]]>([
  ['a mirror', { md127: ['vda3', 'vdb3'] }, '/dev/md127', '/dev/vda1', ['vdb1']],
  ['started from the other disk', { md127: ['vda3', 'vdb3'] }, '/dev/md127', '/dev/vdb1', ['vda1']],
  ['an encrypted mirror', { 'dm-0': ['md127'], md127: ['vda3', 'vdb3'] }, '/dev/dm-0', '/dev/vda1', ['vdb1']],
  ['a partition of a mirror of whole disks', { md127: ['vda', 'vdb'] }, '/dev/md127', '/dev/vda1', ['vdb1']],
  ['a mirror that lacks a disk', { md127: ['vda3'] }, '/dev/md127', '/dev/vda1', []],
  ['one disk', {}, '/dev/vda3', '/dev/vda1', []],
  ['a root that is no device', {}, 'tmpfs', '/dev/vda1', []],
])('%s', async (_, slaves, root, boot, expected) => {
  const devices = await sysfs(TWO_DISKS, slaves);
  expect(await otherBootPartitions(mounts(root, boot), PLACES, devices)).toEqual(expected);
});

test('a partition of another name is nobody’s', async () => {
  const devices = await sysfs({ ...TWO_DISKS, 'vdb/vdb1': 'EFI System' }, { md127: ['vda3', 'vdb3'] });
  expect(await otherBootPartitions(mounts('/dev/md127'), PLACES, devices)).toEqual([]);
});

test('nothing is known while none is mounted', async () => {
  const devices = await sysfs(TWO_DISKS, { md127: ['vda3', 'vdb3'] });
  const [root = ''] = mounts('/dev/md127').split('\n');
  expect(await otherBootPartitions(`${root}\n`, PLACES, devices)).toEqual([]);
});
