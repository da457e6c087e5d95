import { PARTITION_TYPES } from '@slipway/disk';
import type { FileSystemConfig, PartitionConfig, RaidConfig } from '../config/types.ts';

/** Type GUIDs of partitions that hold no file system themselves (Discoverable Partitions Specification, Linux). */
const TYPES = {
  luks: 'ca7d7ccb-63ed-4c53-861c-1742536059cc',
  lvm: 'e6d6d379-f507-44c2-a23c-238f2a3df928',
  raid: 'a19d880f-05fc-4d3b-a006-743f0f84911e',
} as const;

const ROOT_TYPES: Readonly<Record<string, string | undefined>> = {
  amd64: PARTITION_TYPES.rootX64,
  arm64: PARTITION_TYPES.rootArm64,
};

/** Whether the root lies on a partition, by way of whatever. */
export function holdsRoot(partition: PartitionConfig, raids: readonly RaidConfig[]): boolean {
  const isRoot = ({ mountpoint }: FileSystemConfig): boolean => mountpoint === '/';
  if (isRoot(partition)) return true;
  if (partition.subvolumes?.some(({ mountpoint }) => mountpoint === '/') === true) return true;
  if (partition.type === 'raid')
    return raids.some((raid) => isRoot(raid) && raid.members.includes(partition.name ?? ''));
  return partition.type === 'lvm' && (partition.logical_volumes ?? []).some(isRoot);
}

/** The type GUID that says what a partition is for. */
export function partitionType(
  partition: PartitionConfig,
  raids: readonly RaidConfig[],
  architecture: string,
): string {
  if (partition.part_type !== undefined) return partition.part_type.toLowerCase();
  if (partition.type === 'raid') return TYPES.raid;
  if (partition.encryption !== undefined) return TYPES.luks;
  if (partition.type === 'lvm') return TYPES.lvm;
  if (partition.fs_type === 'swap') return PARTITION_TYPES.swap;
  if (!holdsRoot(partition, raids)) return PARTITION_TYPES.linuxData;
  return ROOT_TYPES[architecture] ?? PARTITION_TYPES.linuxData;
}
