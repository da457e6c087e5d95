import type { DirectoryNode } from '@slipway/composefs';
import { type OperationOptions, operation, SlipwayError } from '@slipway/core';
import type { FileReader } from '@slipway/host';
import { imageInstallConfiguration } from '../installation/install-configuration.ts';
import type { HostRequest, RootFileSystem } from '../request.ts';

/**
 * Whether files in a root of this kind that is made without being mounted are sealed with fs-verity: our own writer of ext4 seals them,
 * `mkfs.btrfs` does not, and XFS has no such thing.
 */
export function canCarrySeals(fileSystem: RootFileSystem): boolean {
  return fileSystem === 'ext4';
}

/**
 * The file system of the root of a disk: what was asked for, else ext4. What the image says to bootc counts where an installer seals whatever
 * it makes; a disk whose files are not sealed is made only where somebody wants it.
 *
 * @throws SlipwayError CONFIG_INVALID
 */
export async function rootFileSystemOf(
  request: Pick<HostRequest, 'rootFileSystem' | 'config' | 'architecture'>,
  tree: DirectoryNode,
  read: FileReader,
  options: OperationOptions,
): Promise<RootFileSystem> {
  const asked = askedRootFileSystem(request);
  if (asked !== undefined) return asked;
  const { filesystem } = await imageInstallConfiguration(tree, request.architecture, read);
  const wished = filesystem?.root?.type ?? 'ext4';
  if (!canCarrySeals(wished)) {
    operation(options).log.warn(
      `the image would have a root of ${wished}; this one is ext4, whose files can be sealed: --rootfs ${wished} makes the other`,
    );
  }
  return 'ext4';
}

/**
 * What was asked for, on the command line or in the configuration.
 *
 * @throws SlipwayError CONFIG_INVALID where these are two things
 */
export function askedRootFileSystem({
  rootFileSystem,
  config,
}: Pick<HostRequest, 'rootFileSystem' | 'config'>): RootFileSystem | undefined {
  const partitions = config?.config.customizations?.disk?.partitions ?? [];
  const configured = partitions.find(({ mountpoint }) => mountpoint === '/')?.fs_type;
  if (configured !== 'ext4' && configured !== 'xfs' && configured !== 'btrfs') return rootFileSystem;
  if (rootFileSystem !== undefined && rootFileSystem !== configured) {
    throw new SlipwayError(
      'CONFIG_INVALID',
      `cannot make a root of ${rootFileSystem}: the configuration ${config?.path} says ${configured}`,
      { hint: 'say it in one place only' },
    );
  }
  return configured;
}
