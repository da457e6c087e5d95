import { SlipwayError } from '@slipway/core';
import {
  type DiskDirectory,
  type GptLayout,
  type Partition,
  type PartitionContent,
  planExt4,
  planFat,
  writeExt4,
  writeFat,
  writeSwap,
} from '@slipway/disk';
import type { ExtraPartition } from './request.ts';

/**
 * What is written into extra partitions; everything that can be decided is decided here.
 *
 * @param mounted what the host has where a partition is mounted, by UUID of the partition
 * @throws SlipwayError DISK_TOO_SMALL, DISK_NAME_INVALID, DISK_TREE_INVALID
 */
export function extraContents(
  extras: readonly ExtraPartition[],
  layout: GptLayout,
  mounted: ReadonlyMap<string, DiskDirectory>,
  timeSec: number,
): ReadonlyMap<string, PartitionContent> {
  const contents = new Map<string, PartitionContent>();
  for (const extra of extras) {
    const partition = layout.partitions.find(({ uuid }) => uuid === extra.uuid);
    if (partition === undefined)
      throw new SlipwayError('INTERNAL', 'cannot lay out the disk: a partition is missing');
    const content = contentOf(extra, partition, mounted.get(extra.uuid) ?? emptyDirectory(timeSec), timeSec);
    if (content !== undefined) contents.set(extra.uuid, content);
  }
  return contents;
}

function contentOf(
  extra: ExtraPartition,
  { sizeBytes, offsetBytes }: Partition,
  tree: DiskDirectory,
  timeSec: number,
): PartitionContent | undefined {
  const uuid = extra.fileSystemUuid;
  const label = extra.fileSystemLabel;
  const named = label === undefined ? {} : { label };
  switch (extra.fileSystem) {
    case 'swap':
      return (window) => writeSwap(window, { uuid, sizeBytes, ...named });
    case 'ext4': {
      const plan = planExt4(tree, { uuid, timeSec, sizeBytes, ...named });
      return (window, operation) => writeExt4(window, plan, operation);
    }
    case 'vfat': {
      const options = { uuid, timeSec, sizeBytes, partitionOffsetBytes: offsetBytes };
      const plan = planFat(tree, { ...options, label: (label ?? 'DATA').toUpperCase() });
      return (window, operation) => writeFat(window, plan, operation);
    }
    // Those that only other programs write are never planned here.
    case 'xfs':
    case 'btrfs':
    case 'none':
      break;
  }
  return undefined;
}

function emptyDirectory(timeSec: number): DiskDirectory {
  return {
    kind: 'directory',
    meta: { mode: 0o755, uid: 0, gid: 0, mtimeSec: timeSec, mtimeNsec: 0 },
    entries: new Map(),
  };
}
