import type { PartitionConfig } from '../config/types.ts';
import type { DiskInstallRequest } from './request.ts';

/** What of a request is more than file systems in partitions, a line each: nothing where all of it can be written by ourselves. */
export function layersOf({ config, rootFileSystem, blockSetup }: DiskInstallRequest): readonly string[] {
  const disk = config?.config.customizations?.disk;
  const found: string[] = [];
  if (blockSetup !== 'direct') found.push(`--block-setup ${blockSetup}`);
  if (rootFileSystem !== 'ext4') found.push(`--filesystem ${rootFileSystem}`);
  for (const partition of disk?.partitions ?? []) {
    const name = partition.mountpoint ?? partition.name ?? partition.label ?? 'a partition';
    for (const layer of layersOfPartition(partition)) found.push(`${name}: ${layer}`);
  }
  for (const { name } of disk?.raid ?? []) found.push(`${name}: RAID`);
  return found;
}

function layersOfPartition({ type, encryption, fs_type }: PartitionConfig): readonly string[] {
  return [
    ...(type === undefined || type === 'plain' ? [] : [type]),
    ...(encryption === undefined ? [] : ['encryption']),
    ...(fs_type === 'xfs' || fs_type === 'btrfs' ? [fs_type] : []),
  ];
}
