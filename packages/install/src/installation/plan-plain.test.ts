import { expect, test } from 'vitest';
import type { BlockDevice } from '../block/block-device.ts';
import { testDevice } from '../testing/test-device.ts';
import { planWords, stepWords } from './describe.ts';
import { wipeSteps } from './plan-plain.ts';

const part = (path: string): BlockDevice => testDevice(path, { type: 'part' });
const target = (children: readonly BlockDevice[], types: readonly string[]) =>
  ({
    kind: 'device',
    path: '/dev/vdb',
    sizeBytes: 1024 ** 3,
    disk: testDevice('/dev/vdb', { children }),
    signatures: types.map((type) => ({ path: '/dev/vdb', type, label: undefined })),
  }) as const;

test('an empty disk is not wiped, one that holds anything is, its partitions first', () => {
  expect(wipeSteps(target([], []))).toEqual([]);
  expect(wipeSteps(target([], ['ext4']))).toEqual([{ kind: 'wipe-signatures', paths: ['/dev/vdb'] }]);
  expect(wipeSteps(target([part('/dev/vdb1'), part('/dev/vdb2')], ['gpt']))).toEqual([
    { kind: 'wipe-signatures', paths: ['/dev/vdb1', '/dev/vdb2', '/dev/vdb'] },
  ]);
});

test('what is lost stands in capitals', () => {
  expect(stepWords({ kind: 'wipe-signatures', paths: ['/dev/vdb1', '/dev/vdb'] })).toBe(
    'ERASE what is on /dev/vdb1, /dev/vdb',
  );
});

test('a plan is numbered and shows its partitions', () => {
  const partitions = [
    {
      number: 1,
      label: 'esp',
      type: 'x',
      uuid: 'u',
      holds: 'vfat, the boot partition',
      offsetBytes: 1,
      sizeBytes: 1e9,
    },
  ];
  expect(
    planWords([
      { kind: 'write-disk', path: '/dev/vdb', partitions },
      { kind: 'read-table', path: '/dev/vdb' },
    ]),
  ).toEqual([
    '1. write partition table, boot partition and root to /dev/vdb',
    '     1  esp                 1.0 GB  vfat, the boot partition',
    '2. make the kernel see the new partitions of /dev/vdb',
  ]);
});
