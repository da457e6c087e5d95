import { deriveUuid, PARTITION_TYPES } from '@slipway/disk';
import type { Customizations, FsType, PartitionConfig, SizingConfig } from '../config/types.ts';

/** How large a partition may become. */
export interface Sizing {
  readonly leastBytes: number;
  /** Of the whole disk, 0 to 100. */
  readonly percent: number | undefined;
  /** Whether it takes a share of what is left. */
  readonly isGrowing: boolean;
  readonly mostBytes: number;
}

/** A partition of a disk besides the two every host has. */
export interface ExtraPartition {
  readonly uuid: string;
  /** Type GUID. */
  readonly type: string;
  readonly partitionLabel: string;
  readonly fileSystem: FsType;
  /** What fstab finds it by; by the UUID of the partition where absent. */
  readonly source?: string;
  readonly fileSystemUuid: string;
  readonly fileSystemLabel: string | undefined;
  readonly mountpoint: string | undefined;
  readonly mountOptions: string | undefined;
  readonly sizing: Sizing;
}

/** What a configuration wants of the disk. */
export interface StorageRequest {
  /** Of the whole disk, where the caller names no size. */
  readonly diskLeastBytes: number;
  readonly espLeastBytes: number;
  readonly rootLeastBytes: number;
  /** In the order of the disk, between boot partition and root. */
  readonly extras: readonly ExtraPartition[];
}

/** Nothing beyond what every host has. */
export const PLAIN_STORAGE: StorageRequest = {
  diskLeastBytes: 0,
  espLeastBytes: 0,
  rootLeastBytes: 0,
  extras: [],
};

/**
 * Reads the partitions out of a configuration that was checked for a disk image. UUIDs that are not given grow from `seed`.
 */
export function storageRequest(
  { disk, filesystem = [], swap }: Customizations,
  seed: string,
): StorageRequest {
  const partitions = disk?.partitions ?? [];
  const asPartitions = filesystem.map(
    ({ mountpoint, minsize, size }): PartitionConfig => ({ mountpoint, minsize: minsize ?? size }),
  );
  const all = [...partitions, ...asPartitions];
  const isRoot = ({ mountpoint }: PartitionConfig): boolean => mountpoint === '/';
  const isBoot = ({ mountpoint }: PartitionConfig): boolean =>
    mountpoint === '/boot/efi' || mountpoint === '/boot';
  const least = (chosen: readonly PartitionConfig[]): number =>
    Math.max(0, ...chosen.map((each) => sizingOf(each).leastBytes));
  const extras = all
    .filter((each) => !isRoot(each) && !isBoot(each))
    .map((each, index) => extraPartition(each, `${seed} extra ${index}`));
  if (swap !== undefined)
    extras.push(extraPartition({ fs_type: 'swap', size: swap.size, label: 'swap' }, `${seed} swap`));
  return {
    diskLeastBytes: disk?.minsize ?? 0,
    espLeastBytes: least(all.filter(isBoot)),
    rootLeastBytes: least(all.filter(isRoot)),
    extras,
  };
}

function extraPartition(config: PartitionConfig, seed: string): ExtraPartition {
  const fileSystem = writable(config.fs_type);
  const mounted = config.mountpoint?.split('/').filter(Boolean).join('-');
  return {
    uuid: (config.part_uuid ?? deriveUuid(seed, 'partition')).toLowerCase(),
    type: (
      config.part_type ?? (fileSystem === 'swap' ? PARTITION_TYPES.swap : PARTITION_TYPES.linuxData)
    ).toLowerCase(),
    partitionLabel: config.part_label ?? config.label ?? mounted?.slice(0, 36) ?? fileSystem,
    fileSystem,
    fileSystemUuid: deriveUuid(seed, 'file system'),
    fileSystemLabel: config.label,
    mountpoint: config.mountpoint,
    mountOptions: config.mount_options,
    sizing: sizingOf(config),
  };
}

function writable(type: FsType | undefined): FsType {
  return type === 'vfat' || type === 'swap' || type === 'none' ? type : 'ext4';
}

/** How large a partition or volume of a configuration may become. */
export function sizingOf({ size, min, minsize, max, percent, grow }: SizingConfig): Sizing {
  return {
    leastBytes: size ?? min ?? minsize ?? 0,
    percent,
    isGrowing: grow === true,
    mostBytes: size ?? max ?? Number.POSITIVE_INFINITY,
  };
}

/** systemd gives up on a device after 90 seconds and the boot with it; a busy emulator or a slow controller takes longer. */
const PATIENCE = 'x-systemd.device-timeout=5min';

/** fstab(5) for partitions that are mounted or swapped to; the root and the boot partition need no line. */
export function fstabLines(extras: readonly ExtraPartition[]): string {
  return extras
    .map(({ uuid, source, fileSystem, mountpoint, mountOptions }) => {
      const device = source ?? `PARTUUID=${uuid}`;
      if (fileSystem === 'swap') return `${device} none swap defaults 0 0\n`;
      if (mountpoint === undefined) return '';
      return `${device} ${mountpoint} ${fileSystem} ${mountOptions ?? 'defaults'},${PATIENCE} 0 2\n`;
    })
    .join('');
}
