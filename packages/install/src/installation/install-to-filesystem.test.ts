import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import { expect, test } from 'vitest';
import { foundEntries, type MountedFileSystem, parseFindmnt } from './found-filesystem.ts';
import { type FoundPlace, refusePlace } from './found-place.ts';
import { planFilesystem, rootArguments } from './install-to-filesystem.ts';

const ROOT: MountedFileSystem = {
  mountpoint: '/mnt',
  source: '/dev/vda2',
  fileSystem: 'ext4',
  uuid: '1b7b3324-5fd0-4146-9a58-d0259ce54c0f',
  isReadOnly: false,
  subvolume: undefined,
};
const BOOT: MountedFileSystem = {
  ...ROOT,
  mountpoint: '/mnt/boot',
  source: '/dev/vda1',
  fileSystem: 'vfat',
  uuid: 'ABCD-1234',
};
const EMPTY: FoundPlace = { root: ROOT, boot: BOOT, entries: [], bootEntries: [], isSealed: true };
const USED: FoundPlace = { ...EMPTY, entries: ['etc', 'usr'], bootEntries: ['EFI'] };
const PLAIN = {
  path: '/mnt',
  replace: undefined,
  acknowledgesDestruction: false,
  skipsFinalize: false,
} as const;

test('into empty file systems', () => {
  expect(() => refusePlace(EMPTY, PLAIN)).not.toThrow();
  expect(planFilesystem(EMPTY, PLAIN)).toEqual([
    { kind: 'write-host', root: '/mnt', boot: '/mnt/boot' },
    { kind: 'finalize', paths: ['/mnt', '/mnt/boot'] },
  ]);
  expect(planFilesystem(EMPTY, { ...PLAIN, skipsFinalize: true })).toHaveLength(1);
});

test.each([
  ['wipe', [{ kind: 'remove', paths: ['/mnt/etc', '/mnt/usr'] }]],
  ['alongside', []],
] as const)('over what is there: --replace %s leaves the boot partition to the end', (replace, before) => {
  expect(planFilesystem(USED, { ...PLAIN, replace, skipsFinalize: true })).toEqual([
    ...before,
    { kind: 'write-host', root: '/mnt', boot: '/mnt/boot', replaced: ['/mnt/boot/EFI'] },
  ]);
  expect(() => refusePlace(USED, { ...PLAIN, replace })).toThrow(expect.objectContaining({ code: 'USAGE' }));
  expect(() => refusePlace(USED, { ...PLAIN, replace, acknowledgesDestruction: true })).not.toThrow();
});

test('what is not empty is refused with what is there, what is read-only with how to change it', () => {
  expect(() => refusePlace(USED, PLAIN)).toThrow(
    expect.objectContaining({ code: 'DISK_NOT_EMPTY', findings: ['/mnt/etc', '/mnt/usr'] }),
  );
  expect(() => refusePlace({ ...EMPTY, boot: { ...BOOT, isReadOnly: true } }, PLAIN)).toThrow(
    expect.objectContaining({
      code: 'DISK_UNSUITABLE',
      message: expect.stringContaining('/mnt/boot is mounted read-only'),
    }),
  );
});

test.each([
  [ROOT, undefined, `root=UUID=${ROOT.uuid} rw`],
  [ROOT, 'LABEL=shop', 'root=LABEL=shop rw'],
  [ROOT, '', 'rw'],
  [{ ...ROOT, uuid: undefined }, undefined, 'root=/dev/vda2 rw'],
  [{ ...ROOT, subvolume: 'os' }, undefined, `root=UUID=${ROOT.uuid} rw rootflags=subvol=os`],
])('the root is found: %#', (root, spec, text) => {
  expect(rootArguments(root, spec)).toBe(text);
});

test('what findmnt prints is read', () => {
  const one = {
    target: '/mnt',
    source: '/dev/vdb',
    fstype: 'btrfs',
    uuid: 'u',
    options: 'ro,relatime',
    fsroot: '/os',
  };
  expect(parseFindmnt(JSON.stringify({ filesystems: [{ ...one, fsroot: '/' }, one] }))).toEqual({
    ...ROOT,
    source: '/dev/vdb',
    fileSystem: 'btrfs',
    uuid: 'u',
    isReadOnly: true,
    subvolume: 'os',
  });
  expect(() => parseFindmnt('{"filesystems": [{}]}')).toThrow(
    expect.objectContaining({ code: 'TOOL_FAILED' }),
  );
});

test('what every new file system has, and what others are mounted at, is nothing', async () => {
  await using dir = await makeTempDir('found');
  for (const name of ['lost+found', 'boot', 'srv']) await mkdir(join(dir.path, name));
  await writeFile(join(dir.path, '.hidden'), '');
  expect(await foundEntries(dir.path, new Set([join(dir.path, 'boot')]))).toEqual(['.hidden', 'srv']);
});
