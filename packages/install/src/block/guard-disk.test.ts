import { describe, expect, test } from 'vitest';
import { testDevice } from '../testing/test-device.ts';
import type { BlockDevice } from './block-device.ts';
import { partitionPath } from './block-device.ts';
import { contentsOf, guardDisk, requireDisk, usesOf } from './guard-disk.ts';
import { parseLsblk } from './list-devices.ts';

const GIB = 1024 ** 3;

const device = (path: string, more: Partial<BlockDevice> = {}): BlockDevice =>
  testDevice(path, { sizeBytes: 20 * GIB, ...more });
const part = (path: string, more: Partial<BlockDevice> = {}): BlockDevice =>
  device(path, { type: 'part', sizeBytes: GIB, ...more });

const EMPTY = device('/dev/vdb', { model: 'Fast SSD', serial: '4711' });
const SYSTEM = device('/dev/vda', {
  tableType: 'gpt',
  children: [
    part('/dev/vda1', { fileSystem: 'vfat', label: 'ESP', mountpoints: ['/boot'] }),
    part('/dev/vda2', { fileSystem: 'ext4', mountpoints: ['/sysroot'] }),
  ],
});

describe('the disk that is meant', () => {
  test('is found', () => {
    expect(requireDisk([SYSTEM, EMPTY], '/dev/vdb')).toBe(EMPTY);
  });

  test.each<[string, readonly BlockDevice[], string, string, RegExp]>([
    ['a disk that is not there', [SYSTEM, EMPTY], '/dev/vdz', 'DISK_NOT_FOUND', /there is no such disk/],
    ['a partition', [SYSTEM, EMPTY], '/dev/vda2', 'DISK_UNSUITABLE', /it is a part of \/dev\/vda$/],
    [
      'a drive for discs',
      [device('/dev/sr0', { type: 'rom' })],
      '/dev/sr0',
      'DISK_UNSUITABLE',
      /of type rom, no disk/,
    ],
    ['a read-only disk', [{ ...EMPTY, isReadOnly: true }], '/dev/vdb', 'DISK_UNSUITABLE', /it is read-only/],
    ['a reader with no card', [{ ...EMPTY, sizeBytes: 0 }], '/dev/vdb', 'DISK_UNSUITABLE', /no medium/],
    [
      'sectors of 4096 bytes',
      [{ ...EMPTY, sectorBytes: 4096 }],
      '/dev/vdb',
      'DISK_UNSUITABLE',
      /sectors have 4096 bytes/,
    ],
  ])('%s is refused', (_, devices, path, code, message) => {
    expect(() => requireDisk(devices, path)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  });

  test('the disks there are stand in the hint, so that nobody has to guess', () => {
    expect(() => requireDisk([SYSTEM, EMPTY], '/dev/sda')).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('/dev/vdb (21.5 GB, Fast SSD, serial 4711)') }),
    );
  });
});

describe('a disk in use', () => {
  const crypt = device('/dev/mapper/home', { type: 'crypt', mountpoints: ['/home'] });
  test.each<[string, BlockDevice, readonly string[]]>([
    ['mounted', SYSTEM, ['/dev/vda1 is mounted at /boot', '/dev/vda2 is mounted at /sysroot']],
    ['mounted as a whole', device('/dev/vdb', { mountpoints: ['/mnt'] }), ['/dev/vdb is mounted at /mnt']],
    [
      'used as swap',
      device('/dev/vdb', { children: [part('/dev/vdb1', { mountpoints: ['[SWAP]'] })] }),
      ['/dev/vdb1 is used as swap'],
    ],
    [
      'opened with a passphrase',
      device('/dev/vdb', { children: [part('/dev/vdb1', { children: [crypt] })] }),
      [
        '/dev/vdb1 belongs to /dev/mapper/home (an open encrypted volume)',
        '/dev/mapper/home is mounted at /home',
      ],
    ],
    [
      'in a volume group',
      device('/dev/vdb', { children: [device('/dev/mapper/vg-root', { type: 'lvm' })] }),
      ['/dev/vdb belongs to /dev/mapper/vg-root (a logical volume)'],
    ],
    [
      'in an array',
      device('/dev/vdb', {
        children: [part('/dev/vdb1', { children: [device('/dev/md0', { type: 'raid1' })] })],
      }),
      ['/dev/vdb1 belongs to /dev/md0 (a raid1 array)'],
    ],
    [
      'below several paths',
      device('/dev/sda', { children: [device('/dev/mapper/mpatha', { type: 'mpath' })] }),
      ['/dev/sda belongs to /dev/mapper/mpatha (a multipath device)'],
    ],
  ])('%s is refused, and no option helps', (_, disk, uses) => {
    expect(usesOf(disk)).toEqual(uses);
    for (const mayWipe of [true, false])
      expect(() => guardDisk(disk, [], { mayWipe })).toThrow(
        expect.objectContaining({ code: 'DISK_IN_USE', findings: uses }),
      );
  });
});

describe('a disk that holds something', () => {
  const used = device('/dev/vdb', {
    tableType: 'dos',
    children: [part('/dev/vdb1', { fileSystem: 'ntfs', label: 'photos' }), part('/dev/vdb2')],
  });
  const signature = { path: '/dev/vdb', type: 'crypto_LUKS', label: undefined };

  test('is refused with everything that is on it', () => {
    expect(() => guardDisk(used, [], { mayWipe: false })).toThrow(
      expect.objectContaining({
        code: 'DISK_NOT_EMPTY',
        findings: [
          '/dev/vdb holds dos',
          "/dev/vdb1 holds ntfs 'photos'",
          '/dev/vdb2 is a partition of 1.1 GB',
        ],
      }),
    );
  });

  test('is refused for what only reading it shows', () => {
    expect(() => guardDisk(EMPTY, [signature], { mayWipe: false })).toThrow(
      expect.objectContaining({ findings: ['/dev/vdb holds crypto_LUKS'] }),
    );
  });

  test('may be erased when that is said', () => {
    expect(() => guardDisk(used, [signature], { mayWipe: true })).not.toThrow();
    expect(() => guardDisk(EMPTY, [], { mayWipe: false })).not.toThrow();
  });

  test('a table and its protective record are one thing', () => {
    const found = ['gpt', 'PMBR'].map((type) => ({ path: '/dev/vdb', type, label: undefined }));
    expect(contentsOf(device('/dev/vdb', { tableType: 'gpt' }), found)).toEqual(['/dev/vdb holds gpt']);
  });
});

test('what lsblk prints is read, nulls and all', () => {
  const [disk] = parseLsblk(
    JSON.stringify({
      blockdevices: [
        {
          path: '/dev/sda',
          type: 'disk',
          size: 5 * GIB,
          ro: false,
          'log-sec': 512,
          fstype: null,
          label: null,
          pttype: 'gpt',
          mountpoints: [null],
          model: 'Disk ',
          serial: null,
          children: [
            {
              path: '/dev/sda1',
              type: 'part',
              size: GIB,
              ro: false,
              'log-sec': 512,
              mountpoints: ['/a', '/b'],
            },
          ],
        },
      ],
    }),
  );
  expect(disk).toEqual(
    device('/dev/sda', {
      sizeBytes: 5 * GIB,
      tableType: 'gpt',
      model: 'Disk',
      children: [part('/dev/sda1', { mountpoints: ['/a', '/b'] })],
    }),
  );
  expect(() => parseLsblk('{"blockdevices": [{"path": 5}]}')).toThrow(
    expect.objectContaining({ code: 'TOOL_FAILED' }),
  );
});

test.each([
  ['/dev/vda', 1, '/dev/vda1'],
  ['/dev/nvme0n1', 2, '/dev/nvme0n1p2'],
  ['/dev/loop7', 3, '/dev/loop7p3'],
])('a partition of %s is %s', (disk, number, path) => {
  expect(partitionPath(disk, number)).toBe(path);
});
