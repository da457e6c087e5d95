import { join } from 'node:path';
import {
  type KernelCommandLine,
  kernelArgument,
  kernelArgumentValue,
  parseKernelCommandLine,
} from '@slipway/boot';
import { SlipwayError } from '@slipway/core';
import { type BlockDevice, withDescendants } from '../block/block-device.ts';
import type { MountedFileSystem } from './found-filesystem.ts';
import type { FoundPlace } from './found-place.ts';
import type { StorageNeed } from './image-storage.ts';

/** How a host finds the root of the system it takes the place of. */
export interface ExistingRoot {
  readonly kernelArguments: string;
  /** What the initramfs of the image must be able to do for it. */
  readonly needs: ReadonlySet<StorageNeed>;
}

/** What a host has at the top of its root. */
const OWN_NAMES: ReadonlySet<string> = new Set(['composefs', 'state']);
const FILE_SYSTEMS: ReadonlySet<string> = new Set(['ext4', 'xfs', 'btrfs']);

/**
 * Works out how a host in the root of another system finds it again: by the UUID of its file system, opened as that system opens it.
 *
 * @param commandLine of the running system
 * @param added arguments the host gets besides
 * @throws SlipwayError DISK_UNSUITABLE, DISK_NOT_EMPTY where a host is there already
 */
export function existingRoot(
  { root, entries }: Pick<FoundPlace, 'root' | 'entries'>,
  commandLine: string,
  devices: readonly BlockDevice[],
  added: readonly string[] = [],
): ExistingRoot {
  refuseForeign(root);
  refuseHost(root, entries);
  const line = parseKernelCommandLine(commandLine);
  const opening = line.filter(({ key }) => key.startsWith('rd.'));
  const below = devicesBelow(devices, root.source);
  const isEncrypted = below.some(({ type }) => type === 'crypt');
  if (
    isEncrypted &&
    ![...opening, ...added.map(kernelArgument)].some(({ key }) => key.startsWith('rd.luks.'))
  ) {
    throw unsuitable(
      root.mountpoint,
      'it lies in an encrypted volume, and nothing on the kernel command line opens it',
      'say what does: --karg rd.luks.uuid=UUID, with what cryptsetup luksUUID prints',
    );
  }
  const needs: readonly (StorageNeed | false)[] = [
    isEncrypted && 'luks',
    opening.some(({ text }) => text.includes('tpm2-device')) && 'tpm2',
    below.some(({ type }) => type === 'lvm') && 'lvm',
    below.some(({ type }) => type.startsWith('raid')) && 'raid',
    root.fileSystem === 'xfs' && 'xfs',
    root.fileSystem === 'btrfs' && 'btrfs',
  ];
  return {
    kernelArguments: [
      `root=${root.uuid === undefined ? root.source : `UUID=${root.uuid}`}`,
      'rw',
      ...flags(root, line),
      ...opening.map(({ text }) => text),
    ].join(' '),
    needs: new Set(needs.filter((need) => need !== false)),
  };
}

function flags({ subvolume }: MountedFileSystem, line: KernelCommandLine): readonly string[] {
  const given = kernelArgumentValue(line, 'rootflags');
  const own = subvolume === undefined ? undefined : `subvol=${subvolume}`;
  const value = own !== undefined && given?.includes('subvol') !== true ? own : given;
  return value === undefined ? [] : [`rootflags=${value}`];
}

/** A device and those it is made of, as far as they are known. */
function devicesBelow(devices: readonly BlockDevice[], path: string): readonly BlockDevice[] {
  return devices
    .flatMap((disk) => [...withDescendants(disk)])
    .filter((device) => [...withDescendants(device)].some((each) => each.path === path));
}

function refuseForeign({ mountpoint, source, fileSystem }: MountedFileSystem): void {
  if (fileSystem === 'overlay')
    throw unsuitable(
      mountpoint,
      'its root is put together of others, as that of a container or of a host of this kind',
      'on a host slipway switch changes the image; in a container give the root of the machine: PATH',
    );
  if (FILE_SYSTEMS.has(fileSystem) && source.startsWith('/dev/')) return;
  throw unsuitable(
    mountpoint,
    `${source} is ${fileSystem}`,
    'a host can be put into a root of ext4, xfs or btrfs on a disk',
  );
}

function refuseHost({ mountpoint }: MountedFileSystem, entries: readonly string[]): void {
  const there = entries.filter((name) => OWN_NAMES.has(name));
  if (there.length === 0) return;
  throw new SlipwayError(
    'DISK_NOT_EMPTY',
    `cannot install to ${mountpoint}: a host is there, or a part of one`,
    {
      findings: there.map((name) => join(mountpoint, name)),
      hint: 'remove them to begin anew, where it is what an installation left that did not end',
      details: { path: mountpoint },
    },
  );
}

function unsuitable(path: string, why: string, hint: string): SlipwayError {
  return new SlipwayError('DISK_UNSUITABLE', `cannot install to ${path}: ${why}`, {
    hint,
    details: { path },
  });
}
