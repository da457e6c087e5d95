import { describe, expect, test } from 'vitest';
import type { BlockDevice } from '../block/block-device.ts';
import { testDevice } from '../testing/test-device.ts';
import { existingRoot } from './existing-root.ts';
import type { MountedFileSystem } from './found-filesystem.ts';

const ROOT: MountedFileSystem = {
  mountpoint: '/',
  source: '/dev/vda2',
  fileSystem: 'ext4',
  uuid: '1b7b3324-5fd0-4146-9a58-d0259ce54c0f',
  isReadOnly: false,
  subvolume: undefined,
};
const DEBIAN = { root: ROOT, entries: ['bin', 'etc', 'usr', 'var'] };
const PLAIN = 'BOOT_IMAGE=/boot/vmlinuz-6.12 root=/dev/vda2 ro quiet';

const device = (path: string, type: string, ...children: readonly BlockDevice[]): BlockDevice =>
  testDevice(path, { type, children });

const VOLUME = '/dev/mapper/vg-root';
const LVM = device('/dev/vda', 'disk', device('/dev/vda3', 'part', device(VOLUME, 'lvm')));
const LUKS = device('/dev/vda', 'disk', device('/dev/vda3', 'part', device(VOLUME, 'crypt')));
const RAID = device('/dev/vda', 'disk', device('/dev/vda3', 'part', device('/dev/md0', 'raid1')));

describe('the root of a system that is there', () => {
  test.each<[string, Partial<MountedFileSystem>, string, readonly BlockDevice[], string, readonly string[]]>([
    ['in a partition', {}, PLAIN, [], `root=UUID=${ROOT.uuid} rw`, []],
    ['without a UUID', { uuid: undefined }, PLAIN, [], 'root=/dev/vda2 rw', []],
    [
      'of btrfs',
      { fileSystem: 'btrfs', subvolume: '@rootfs' },
      `${PLAIN} rootflags=subvol=@rootfs`,
      [],
      `root=UUID=${ROOT.uuid} rw rootflags=subvol=@rootfs`,
      ['btrfs'],
    ],
    [
      'of btrfs the boot loader says nothing of',
      { fileSystem: 'btrfs', subvolume: 'os' },
      PLAIN,
      [],
      `root=UUID=${ROOT.uuid} rw rootflags=subvol=os`,
      ['btrfs'],
    ],
    [
      'of xfs with flags',
      { fileSystem: 'xfs' },
      `${PLAIN} rootflags=noatime`,
      [],
      `root=UUID=${ROOT.uuid} rw rootflags=noatime`,
      ['xfs'],
    ],
    ['in a volume group', { source: VOLUME }, PLAIN, [LVM], `root=UUID=${ROOT.uuid} rw`, ['lvm']],
    ['on an array', { source: '/dev/md0' }, PLAIN, [RAID], `root=UUID=${ROOT.uuid} rw`, ['raid']],
    [
      'in an encrypted volume',
      { source: VOLUME },
      `${PLAIN} rd.luks.uuid=4711 rd.luks.options=tpm2-device=auto`,
      [LUKS],
      `root=UUID=${ROOT.uuid} rw rd.luks.uuid=4711 rd.luks.options=tpm2-device=auto`,
      ['luks', 'tpm2'],
    ],
  ])('%s is found again', (_, root, commandLine, devices, kernelArguments, needs) => {
    const found = existingRoot({ ...DEBIAN, root: { ...ROOT, ...root } }, commandLine, devices);
    expect(found).toEqual({ kernelArguments, needs: new Set(needs) });
  });

  test.each<[string, Partial<MountedFileSystem>, readonly string[], readonly BlockDevice[], string, RegExp]>([
    [
      'of a container',
      { fileSystem: 'overlay', source: 'overlay' },
      [],
      [],
      'DISK_UNSUITABLE',
      /of a container/,
    ],
    ['in memory', { fileSystem: 'tmpfs', source: 'tmpfs' }, [], [], 'DISK_UNSUITABLE', /tmpfs is tmpfs/],
    [
      'over the network',
      { fileSystem: 'nfs4', source: 'server:/' },
      [],
      [],
      'DISK_UNSUITABLE',
      /server:\/ is nfs4/,
    ],
    ['with a host in it', {}, ['composefs', 'etc', 'state'], [], 'DISK_NOT_EMPTY', /a host is there/],
    [
      'nothing opens',
      { source: VOLUME },
      [],
      [LUKS],
      'DISK_UNSUITABLE',
      /in an encrypted volume, and nothing on the kernel command line opens it/,
    ],
  ])('%s is refused', (_, root, entries, devices, code, message) => {
    expect(() => existingRoot({ root: { ...ROOT, ...root }, entries }, PLAIN, devices)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  });
});
