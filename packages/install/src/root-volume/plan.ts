import { roundUp } from '@slipway/core';
import {
  type DiskDirectory,
  minimumExt4Bytes,
  type PartitionContent,
  planExt4,
  scanExt4,
  writeExt4,
} from '@slipway/disk';
import type { RootFileSystem } from '../request.ts';
import { refuseUnfit } from './check-tree.ts';
import type { MadeFileSystem } from './maker.ts';
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
  readonly sizeBytes: number;
}

const MIB = 1024 ** 2;
const BLOCK_BYTES = 4096;
/** The log of XFS, its allocation groups; the chunks btrfs cuts a device into, of which one is always half used. */
const SPARE_BYTES: Readonly<Record<MadeFileSystem, number>> = {
  xfs: 320 * MIB,
  btrfs: 512 * MIB,
};
/** What btrfs knows of a file, twice. */
const BTRFS_ENTRY_BYTES = 2 * 1024;

/** A root whose size is to be decided. */
export interface RootDraft {
  /** Below it nothing can be made of the tree; the maker may still ask for more. */
  readonly leastBytes: number;
  /**
   * Decides how it is written. ext4 we write ourselves; others are made by their own programs in a file of their own, and copied.
   *
   * @throws SlipwayError DISK_TOO_SMALL, DISK_TREE_INVALID
   */
  plan(options: RootVolumeOptions): RootVolume;
}

/**
 * Begins a root of a tree.
 *
 * @param timeSec time of everything the tree gives no time, seconds since 1970
 * @throws SlipwayError DISK_NAME_INVALID, DISK_TREE_INVALID
 */
export function draftRootVolume(fileSystem: RootFileSystem, tree: DiskDirectory, timeSec: number): RootDraft {
  return fileSystem === 'ext4' ? draftExt4(tree, timeSec) : draftMade(fileSystem, tree);
}

function draftExt4(tree: DiskDirectory, timeSec: number): RootDraft {
  const scanned = scanExt4(tree, timeSec);
  return {
    leastBytes: minimumExt4Bytes(scanned),
    plan(options) {
      const plan = planExt4(scanned, { ...options, timeSec });
      return {
        sizeBytes: plan.sizeBytes,
        content: (window, operation) => writeExt4(window, plan, operation),
      };
    },
  };
}

function draftMade(fileSystem: MadeFileSystem, tree: DiskDirectory): RootDraft {
  const entries = fileSystem === 'btrfs' ? entriesOf(tree) : 0;
  const spareBytes = roundUp(SPARE_BYTES[fileSystem] + entries * BTRFS_ENTRY_BYTES, MIB);
  return {
    leastBytes: minimumExt4Bytes(tree) + spareBytes,
    plan(options) {
      refuseUnfit(fileSystem, tree);
      const sizeBytes = options.sizeBytes - (options.sizeBytes % BLOCK_BYTES);
      const volume = { fileSystem, tree, uuid: options.uuid, label: options.label, sizeBytes };
      return { sizeBytes, content: (window, operation) => writeMadeVolume(window, volume, operation) };
    },
  };
}

function entriesOf({ entries }: DiskDirectory): number {
  let count = entries.size;
  for (const node of entries.values()) if (node.kind === 'directory') count += entriesOf(node);
  return count;
}
