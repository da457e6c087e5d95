import { describe, expect, test } from 'vitest';
import type { Customizations, DiskConfig, EncryptionConfig } from '../config/types.ts';
import { planWords } from './describe.ts';
import { missingStorage } from './image-storage.ts';
import type { LayerPlan, LayerRequest, PlainDisk } from './layer-plan.ts';
import { planLayers } from './plan-layers.ts';
import { shareRoom } from './share-room.ts';

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;
const NEEDS = { espBytes: GIB, rootLeastBytes: GIB, hasGrub: false };

/** A root on partitions of two disks. */
const MIRROR: DiskConfig = {
  partitions: [
    { type: 'raid', name: 'raid.1', min: 5 * GIB, grow: true, device: 'vda' },
    { type: 'raid', name: 'raid.2', min: 5 * GIB, grow: true, device: '/dev/vdb' },
  ],
  raid: [{ name: 'root', level: '1', members: ['raid.1', 'raid.2'], mountpoint: '/' }],
};

function request(customizations: Customizations, more: Partial<LayerRequest> = {}): LayerRequest {
  return {
    disks: [disk('/dev/vda')],
    customizations,
    rootFileSystem: 'ext4',
    blockSetup: 'direct',
    rootSizeBytes: undefined,
    architecture: 'amd64',
    seed: 'seed',
    ...more,
  };
}

function plan(customizations: Customizations, more: Partial<LayerRequest> = {}): LayerPlan {
  return planLayers(request(customizations, more), NEEDS);
}

function disk(path: string): PlainDisk {
  return { path, sizeBytes: 20 * GIB };
}

/** Steps in words, UUIDs left out. */
function words({ steps }: LayerPlan): readonly string[] {
  return planWords(steps).map((line) => line.replace(/luks-[0-9a-f-]{36}/g, 'luks-UUID'));
}

describe('storage of several layers', () => {
  test('a root in LUKS opened by the TPM, with a recovery key since nobody has a passphrase', () => {
    const found = plan({}, { blockSetup: 'tpm2-luks' });
    expect(words(found)).toEqual([
      '1. WRITE A NEW PARTITION TABLE to /dev/vda',
      '     1  slipway-esp         1.1 GB  vfat, the boot partition',
      '     2  slipway-root       20.4 GB  the root, encrypted',
      '2. make the kernel see the new partitions of /dev/vda',
      '3. ERASE what is on /dev/vda1, /dev/vda2',
      '4. make vfat on /dev/vda1',
      '5. encrypt /dev/vda2, opened by the TPM of this machine, a recovery key that is printed',
      '6. make ext4 on /dev/mapper/luks-UUID',
    ]);
    const [volume] = found.volumes;
    const [luks] = volume?.encryption ?? [];
    expect(found.root).toMatchObject({
      kernelArguments: `root=UUID=${volume?.uuid} rw rd.luks.uuid=${luks?.uuid} rd.luks.options=${luks?.uuid}=tpm2-device=auto`,
      isSealed: true,
      crypttab: '',
    });
    expect([...found.needs]).toEqual(['luks', 'tpm2']);
    expect(found.steps.find(({ kind }) => kind === 'write-table')).toMatchObject({
      partitions: [{}, { type: 'ca7d7ccb-63ed-4c53-861c-1742536059cc' }],
    });
  });

  test('a passphrase is in no step', () => {
    const found = plan({
      disk: { partitions: [{ mountpoint: '/', encryption: { passphrase: 'very secret' } }] },
    });
    expect(JSON.stringify(found.steps)).not.toContain('very secret');
    expect([...found.passphrases.values()]).toEqual(['very secret']);
    expect(words(found)).toContain('5. encrypt /dev/vda2, opened by the passphrase');
    expect(found.root.kernelArguments).not.toContain('rd.luks.options');
  });

  test('a passphrase is waited for, a TPM is not', () => {
    const flags = (encryption: EncryptionConfig): string | undefined =>
      /rootflags=\S+/.exec(
        plan({ disk: { partitions: [{ mountpoint: '/', encryption }] } }).root.kernelArguments,
      )?.[0];
    expect(flags({ passphrase: 'p' })).toBe('rootflags=x-systemd.device-timeout=infinity');
    expect(flags({ tpm2: true })).toBeUndefined();
    expect(flags({ passphrase: 'p', tpm2: true })).toBeUndefined();
  });

  test('a volume group: exact sizes in whole extents, and what is left for the root, which is made last', () => {
    const found = plan({
      disk: {
        partitions: [
          {
            type: 'lvm',
            name: 'vg',
            grow: true,
            logical_volumes: [
              { name: 'root', mountpoint: '/' },
              { name: 'log', mountpoint: '/var/log', size: 1001 * MIB, fs_type: 'xfs' },
              { name: 'swap', fs_type: 'swap', size: GIB },
            ],
          },
        ],
      },
    });
    expect(words(found).slice(5)).toEqual([
      '4. make vfat on /dev/vda1',
      '5. make the volume group vg of /dev/vda2',
      '6. make the volume vg/log of 1.1 GB',
      '7. make xfs on /dev/vg/log',
      '8. make the volume vg/swap of 1.1 GB',
      '9. make swap on /dev/vg/swap',
      '10. make the volume vg/root of all that is left',
      '11. make ext4 on /dev/vg/root',
    ]);
    expect(found.steps.find((step) => step.kind === 'make-volume' && step.name === 'log')).toMatchObject({
      sizeBytes: 1004 * MIB,
    });
    expect([...found.needs]).toEqual(['lvm']);
    expect(
      found.root.storage.extras.map(({ source, mountpoint, fileSystem }) => [
        source?.slice(0, 5),
        mountpoint,
        fileSystem,
      ]),
    ).toEqual([
      ['UUID=', '/var/log', 'xfs'],
      ['UUID=', undefined, 'swap'],
    ]);
  });

  test('btrfs: subvolumes of one file system, the root found by its name', () => {
    const found = plan({
      disk: {
        partitions: [
          {
            type: 'btrfs',
            label: 'pool',
            grow: true,
            subvolumes: [
              { name: 'root', mountpoint: '/' },
              { name: 'home', mountpoint: '/home' },
              { name: 'spare' },
            ],
          },
        ],
      },
    });
    expect(words(found).slice(6)).toEqual([
      '5. make btrfs on /dev/vda2',
      '6. make the subvolumes root, home, spare on /dev/vda2',
    ]);
    expect(found.root.kernelArguments).toMatch(/ rootflags=subvol=root$/);
    expect(found.root.storage.extras).toMatchObject([{ mountpoint: '/home', mountOptions: 'subvol=home' }]);
    expect([...found.needs]).toEqual(['btrfs']);
  });

  test('a mirror of two disks, a boot partition and GRUB on each', () => {
    const disks = [disk('/dev/vda'), disk('/dev/vdb')] as const;
    const found = planLayers(request({ disk: MIRROR }, { disks }), { ...NEEDS, hasGrub: true });
    expect(words(found)).toEqual([
      '1. WRITE A NEW PARTITION TABLE to /dev/vda',
      '     1  slipway-esp         1.1 GB  vfat, the boot partition',
      '     2  slipway-bios        1.0 MB  boot loader',
      '     3  data               20.4 GB  raid raid.1',
      '2. make the kernel see the new partitions of /dev/vda',
      '3. ERASE what is on /dev/vda1, /dev/vda3',
      '4. WRITE A NEW PARTITION TABLE to /dev/vdb',
      '     1  slipway-esp         1.1 GB  vfat, the boot partition',
      '     2  slipway-bios        1.0 MB  boot loader',
      '     3  data               20.4 GB  raid raid.2',
      '5. make the kernel see the new partitions of /dev/vdb',
      '6. ERASE what is on /dev/vdb1, /dev/vdb3',
      '7. make vfat on /dev/vda1',
      '8. make vfat on /dev/vdb1',
      '9. make the array root, level 1, of /dev/vda3, /dev/vdb3',
      '10. make ext4 on /dev/md/root',
    ]);
    expect(found.esps).toEqual(['/dev/vda1', '/dev/vdb1']);
    expect([...found.needs]).toEqual(['raid']);
    const uuids = found.steps.flatMap((step) => ('uuid' in step ? [step.uuid] : []));
    const partitions = found.steps.flatMap((step) => (step.kind === 'write-table' ? step.partitions : []));
    const all = [...uuids, ...partitions.map(({ uuid }) => uuid)];
    expect(new Set(all).size).toBe(all.length);
  });

  test('the boot partition on a disk of its own, or on the one that is named', () => {
    const disks = [disk('/dev/vda'), disk('/dev/vdb'), disk('/dev/vdc')] as const;
    const apart = plan({ disk: { boot_drive: 'vdb' } }, { disks });
    expect(words(apart)).toEqual([
      '1. WRITE A NEW PARTITION TABLE to /dev/vda',
      '     1  slipway-root       21.5 GB  the root',
      '2. make the kernel see the new partitions of /dev/vda',
      '3. ERASE what is on /dev/vda1',
      '4. WRITE A NEW PARTITION TABLE to /dev/vdb',
      '     1  slipway-esp         1.1 GB  vfat, the boot partition',
      '5. make the kernel see the new partitions of /dev/vdb',
      '6. ERASE what is on /dev/vdb1',
      '7. make vfat on /dev/vdb1',
      '8. make ext4 on /dev/vda1',
    ]);
    expect(apart.esps).toEqual(['/dev/vdb1']);
    const partitions = [{ mountpoint: '/srv', device: '/dev/vdc', size: GIB }];
    const shared = plan({ disk: { boot_drive: '/dev/vdc', partitions } }, { disks });
    expect(words(shared)).toContain('     2  srv                 1.1 GB  ext4 for /srv');
    expect(shared.esps).toEqual(['/dev/vdc1']);
  });

  test('what is encrypted besides the root stands in crypttab', () => {
    const found = plan({
      disk: {
        partitions: [
          { mountpoint: '/', fs_type: 'xfs' },
          { mountpoint: '/srv', size: GIB, encryption: { passphrase: 'x' } },
        ],
      },
    });
    const uuid = found.volumes[1]?.encryption[0]?.uuid;
    expect(found.root.crypttab).toBe(`luks-${uuid} UUID=${uuid} none luks\n`);
    // xfs has no fs-verity.
    expect(found.root.isSealed).toBe(false);
    expect([...found.needs]).toEqual(['luks', 'xfs']);
  });

  test('the same request gives the same UUIDs, however large the image turns out to be', () => {
    const layers = request({}, { rootFileSystem: 'xfs', blockSetup: 'tpm2-luks' });
    expect(planLayers(layers, { espBytes: MIB, rootLeastBytes: 0, hasGrub: false }).root).toEqual(
      planLayers(layers, { ...NEEDS, hasGrub: true }).root,
    );
  });

  test.each<[string, Customizations, Partial<LayerRequest>, string, RegExp]>([
    [
      'too small a disk',
      {},
      { disks: [{ path: '/dev/vda', sizeBytes: 2 * GIB }] },
      'DISK_TOO_SMALL',
      /it has 2048 MiB, and 2178 MiB are needed/,
    ],
    [
      'encryption with nothing to open it',
      { disk: { partitions: [{ mountpoint: '/', encryption: {} }] } },
      {},
      'CONFIG_INVALID',
      /neither a passphrase nor a TPM/,
    ],
    [
      'an array of what is not there',
      { disk: { raid: [{ name: 'r', level: '1', members: ['raid.9'], mountpoint: '/' }] } },
      {},
      'CONFIG_INVALID',
      /made of raid\.9, and there is no such partition/,
    ],
    [
      'a partition on a disk that is not used',
      { disk: { partitions: [{ mountpoint: '/', device: 'sdz' }] } },
      {},
      'CONFIG_INVALID',
      /something is to be on sdz, which is none of the disks/,
    ],
  ])('%s is refused', (_, customizations, more, code, message) => {
    expect(() => plan(customizations, more)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  });
});

describe('room', () => {
  const sizing = (leastBytes: number, isGrowing: boolean) => ({
    leastBytes,
    isGrowing,
    percent: undefined,
    mostBytes: isGrowing ? Number.POSITIVE_INFINITY : leastBytes,
  });
  const free = { leastBytes: 0, isGrowing: false, percent: undefined, mostBytes: Number.POSITIVE_INFINITY };
  test('goes to the root, else to the last that grows', () => {
    const data = { isRoot: false, sizing: sizing(GIB, false) };
    const growing = { isRoot: false, sizing: sizing(GIB, true) };
    expect(shareRoom([{ isRoot: true, sizing: free }, data], 10 * GIB, 10 * GIB)).toEqual([undefined, GIB]);
    expect(shareRoom([growing, data], 10 * GIB, 10 * GIB)).toEqual([undefined, GIB]);
    expect(shareRoom([data, data], 10 * GIB, 10 * GIB)).toEqual([GIB, GIB]);
    // Two that grow and no root share what is left.
    expect(shareRoom([growing, growing], 10 * GIB, 10 * GIB)).toEqual([5 * GIB, undefined]);
  });
});

test('an initramfs is asked for what the root needs', () => {
  const names = new Set([
    'usr/lib/systemd/systemd-cryptsetup',
    'usr/sbin/lvm',
    'usr/lib/modules/6.12/kernel/fs/btrfs/btrfs.ko.xz',
  ]);
  expect(missingStorage(names, new Set(['luks', 'lvm', 'btrfs']))).toEqual([]);
  expect(missingStorage(names, new Set(['luks', 'tpm2', 'raid', 'xfs']))).toEqual(['tpm2', 'raid', 'xfs']);
  expect(
    missingStorage(
      new Set(['usr/lib/systemd/system-generators/systemd-cryptsetup-generator']),
      new Set(['luks']),
    ),
  ).toEqual(['luks']);
});
