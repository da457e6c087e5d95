import { expect, test } from 'vitest';
import type { DiskConfig, RaidConfig } from '../config/types.ts';
import { bootDisks } from './boot-disks.ts';

const disks = [
  { path: '/dev/vda', sizeBytes: 1 },
  { path: '/dev/vdb', sizeBytes: 1 },
  { path: '/dev/vdc', sizeBytes: 1 },
] as const;

function array(level: RaidConfig['level'], mountpoint = '/'): DiskConfig {
  return {
    partitions: [
      { type: 'raid', name: 'left', device: 'vdb' },
      { type: 'raid', name: 'right', device: '/dev/vdc' },
      { type: 'raid', name: 'other', device: 'vda' },
    ],
    raid: [{ name: 'r', level, members: ['left', 'right'], mountpoint }],
  };
}

test.each<[string, DiskConfig | undefined, readonly string[]]>([
  ['the first, where nothing is said', undefined, ['/dev/vda']],
  ['the one that is named', { boot_drive: 'vdb' }, ['/dev/vdb']],
  ['every member of a mirror', array('1'), ['/dev/vdb', '/dev/vdc']],
  ['every member of an array that one disk may leave', array('10'), ['/dev/vdb', '/dev/vdc']],
  ['the first, of stripes', array('0'), ['/dev/vda']],
  ['the first, where the root is not on the mirror', array('1', '/srv'), ['/dev/vda']],
  ['every member, where one is named', { ...array('1'), boot_drive: 'vdc' }, ['/dev/vdb', '/dev/vdc']],
  ['the one that is named, where it is no member', { ...array('1'), boot_drive: 'vda' }, ['/dev/vda']],
])('a machine is started from %s', (_, disk, expected) => {
  const found = bootDisks({ disks, customizations: disk === undefined ? {} : { disk } });
  expect(found.map(({ path }) => path)).toEqual(expected);
});
