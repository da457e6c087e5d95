import { roundUp } from '@slipway/core';
import {
  type DiskDirectory,
  minimumExt4Bytes,
  type PartitionContent,
  planExt4,
  writeExt4,
} from '@slipway/disk';
import type { RootFileSystem } from '../request.ts';
import { refuseUnfit } from './check-tree.ts';
import { writeMadeVolume } from './write-volume.ts';

/** The root of a disk: everything about it is decided but the bytes of its files. */
export interface RootVolume {
  /** Of the file system, which may be smaller than its partition. */
  readonly sizeBytes: number;
  readonly content: PartitionContent;
}

/** What a root file system is called and how large it becomes. */
export interface RootVolumeOptions {
  readonly uuid: string;
  readonly label: string;
  /** Time of everything the tree gives no time, seconds since 1970. */
  readonly timeSec: number;
  readonly sizeBytes: number;
}

const MIB = 1024 ** 2;
const BLOCK_BYTES = 4096;
/** The log of XFS, its allocation groups; the chunks btrfs cuts a device into, of which one is always half used. */
const SPARE_BYTES: Readonly<Record<RootFileSystem, number>> = {
  ext4: 0,
  xfs: 320 * MIB,
  btrfs: 512 * MIB,
};
/** What btrfs knows of a file, twice. */
const BTRFS_ENTRY_BYTES = 2 * 1024;

/** The size below which nothing can be made of a tree; the maker may still ask for more. */
export function leastRootBytes(fileSystem: RootFileSystem, tree: DiskDirectory): number {
  const entries = fileSystem === 'btrfs' ? entriesOf(tree) : 0;
  return minimumExt4Bytes(tree) + roundUp(SPARE_BYTES[fileSystem] + entries * BTRFS_ENTRY_BYTES, MIB);
}

/**
 * Decides how a root is written. ext4 we write ourselves; others are made by their own programs in a file of their own, and copied.
 *
 * @throws SlipwayError DISK_TOO_SMALL, DISK_NAME_INVALID, DISK_TREE_INVALID
 */
export function planRootVolume(
  fileSystem: RootFileSystem,
  tree: DiskDirectory,
  options: RootVolumeOptions,
): RootVolume {
  if (fileSystem === 'ext4') {
    const plan = planExt4(tree, options);
    return { sizeBytes: plan.sizeBytes, content: (window, operation) => writeExt4(window, plan, operation) };
  }
  refuseUnfit(fileSystem, tree);
  const sizeBytes = options.sizeBytes - (options.sizeBytes % BLOCK_BYTES);
  const volume = { fileSystem, tree, uuid: options.uuid, label: options.label, sizeBytes };
  return { sizeBytes, content: (window, operation) => writeMadeVolume(window, volume, operation) };
}

function entriesOf({ entries }: DiskDirectory): number {
  let count = entries.size;
  for (const node of entries.values()) if (node.kind === 'directory') count += entriesOf(node);
  return count;
}
