/** The disks of an installation: the one it is told, and every other that its configuration puts partitions on. */
import { type OperationOptions, SlipwayError } from '@slipway/core';
import type { Customizations } from '../config/types.ts';
import { isSelected, mayErase } from './kickstart-run.ts';
import type { DiskInstallRequest } from './request.ts';
import { findTarget, type InstallTarget, realPath } from './target.ts';

/** Where an installation goes. */
export interface InstallDisks {
  /** The first carries the boot partition, and everything that is put on no disk by name. */
  readonly targets: readonly [InstallTarget, ...InstallTarget[]];
  /** With the disks of partitions by the paths they have among the targets. */
  readonly customizations: Customizations;
}

/** The disks that partitions are put on by name, as paths, in their order. */
export function namedDisks({ disk }: Customizations): readonly string[] {
  const named = (disk?.partitions ?? []).flatMap(({ device }) => (device === undefined ? [] : [device]));
  return [...new Set(named.map(diskPath))];
}

/**
 * Looks at all of them and refuses when one must not be written. Nothing is written.
 *
 * @throws SlipwayError what {@link findTarget} throws; USAGE for a disk the installation may not use; DISK_UNSUITABLE for a file that
 *   would have to be several disks
 */
export async function findDisks(
  request: DiskInstallRequest,
  options: OperationOptions,
): Promise<InstallDisks> {
  const customizations = request.config?.config.customizations ?? {};
  const named = namedDisks(customizations);
  const look = async (device: string): Promise<InstallTarget> =>
    await findTarget({ device, isFile: request.isFile, mayWipe: mayWipe(request, device) }, options);
  if (request.isFile) {
    // It stands for the one disk there is, whatever that is called.
    if (named.length <= 1)
      return { targets: [await look(request.device)], customizations: unnamed(customizations) };
    throw new SlipwayError(
      'DISK_UNSUITABLE',
      `cannot install to ${request.device}: partitions are to be on ${named.join(' and ')}, and a file stands for one disk`,
      { hint: 'attach a file for each: losetup --find --show --partscan FILE, and name the loop devices' },
    );
  }
  const paths = new Map<string, string>();
  for (const each of named) paths.set(each, await realPath(each));
  const first = await look(await realPath(request.device));
  const others: InstallTarget[] = [];
  for (const path of new Set(paths.values())) if (path !== first.path) others.push(await look(path));
  const targets = [first, ...others] as const;
  for (const { path } of targets) requireSelected(request, path);
  return { targets, customizations: renamed(customizations, (device) => paths.get(diskPath(device))) };
}

/** Whether everything on a disk may be erased: on all of an installation by an option, on single ones by a file. */
function mayWipe({ mayWipe: all, selection }: DiskInstallRequest, path: string): boolean {
  return all || (selection !== undefined && mayErase(selection, path));
}

function requireSelected({ selection, isFile }: DiskInstallRequest, path: string): void {
  if (isFile || selection === undefined || isSelected(selection, path)) return;
  throw new SlipwayError(
    'USAGE',
    `cannot install to ${path}: the file that says what becomes of the machine does not let an installer use it`,
    {
      hint: 'change ignoredisk in a kickstart file, drives in a configuration, or leave DEVICE out to take the disk the file means',
    },
  );
}

function diskPath(device: string): string {
  return device.startsWith('/') ? device : `/dev/${device}`;
}

function unnamed(customizations: Customizations): Customizations {
  return renamed(customizations, () => undefined);
}

function renamed(
  customizations: Customizations,
  rename: (device: string) => string | undefined,
): Customizations {
  const { disk } = customizations;
  if (disk?.partitions === undefined) return customizations;
  const partitions = disk.partitions.map(({ device, ...rest }) => {
    const path = device === undefined ? undefined : rename(device);
    return path === undefined ? rest : { ...rest, device: path };
  });
  return { ...customizations, disk: { ...disk, partitions } };
}
