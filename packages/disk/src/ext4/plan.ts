import { roundUp, SlipwayError } from '@slipway/core';
import type { DiskDirectory } from '../tree.ts';
import { uuidBytes } from '../uuid.ts';
import { fileSystemSeed } from './checksum.ts';
import { BLOCK_BYTES, INODE_NUMBER, LABEL_BYTES } from './format.ts';
import { type Ext4Geometry, ext4Geometry } from './geometry.ts';
import { Places } from './places.ts';
import { scanTree } from './scan.ts';
import { ScannedTree } from './scanned-tree.ts';

/** What an ext4 file system is to be. */
export interface Ext4Options {
  readonly uuid: string;
  /** At most 16 bytes of UTF-8. */
  readonly label?: string;
  /** Seconds since 1970: when the file system says it was made. */
  readonly timeSec: number;
  /** As small as the tree allows where absent. */
  readonly sizeBytes?: number;
  /** One inode for so many bytes of disk, 16 KiB where absent. */
  readonly bytesPerInode?: number;
  /** Share of the disk only root may fill, 1 % where absent. */
  readonly reservedPercent?: number;
  /** 0 for none; by size where absent. */
  readonly journalBytes?: number;
}

/** Everything about an ext4 file system except the bytes of its files. */
export interface Ext4Plan {
  readonly sizeBytes: number;
  readonly geometry: Ext4Geometry;
  readonly uuid: string;
  readonly label: string;
  readonly timeSec: number;
  readonly reservedBlocks: number;
  /** Seed of all checksums. */
  readonly seed: number;
  /** Its inodes: the root, `lost+found`, then all others without a gap. */
  readonly tree: ScannedTree;
  readonly places: Places;
}

const DEFAULT_BYTES_PER_INODE = 16_384;
const DEFAULT_RESERVED_PERCENT = 1;
const SIZE_STEP_BYTES = 1024 * 1024;

/**
 * Lays a tree out as an ext4 file system; nothing is read and nothing written.
 *
 * @param tree scanned already where that was to be done once for several plans
 * @throws SlipwayError DISK_TOO_SMALL, DISK_NAME_INVALID, DISK_TREE_INVALID
 */
export function planExt4(tree: DiskDirectory | ScannedTree, options: Ext4Options): Ext4Plan {
  checkOptions(options);
  const scanned = tree instanceof ScannedTree ? tree : scanTree(tree, options.timeSec);
  const sizeBytes = options.sizeBytes ?? smallestBytes(scanned, options);
  const { geometry, places } = layOut(scanned, sizeBytes, options);
  const missingBlocks = places.firstFreeBlock - geometry.blocks;
  if (missingBlocks > 0) {
    const neededBytes = smallestBytes(scanned, options);
    throw new SlipwayError(
      'DISK_TOO_SMALL',
      `cannot make an ext4 of ${sizeBytes} bytes: it needs ${neededBytes}`,
      {
        hint: 'ask for a larger disk',
        details: { sizeBytes, neededBytes },
      },
    );
  }
  const reservedPercent = options.reservedPercent ?? DEFAULT_RESERVED_PERCENT;
  return {
    sizeBytes,
    geometry,
    uuid: options.uuid,
    label: options.label ?? '',
    timeSec: options.timeSec,
    reservedBlocks: Math.floor((geometry.blocks * reservedPercent) / 100),
    seed: fileSystemSeed(options.uuid),
    tree: scanned,
    places,
  };
}

/**
 * The smallest size, in whole MiB, at which the tree fits with its journal. Nothing is left free.
 *
 * @throws SlipwayError DISK_NAME_INVALID, DISK_TREE_INVALID
 */
export function minimumExt4Bytes(
  tree: DiskDirectory | ScannedTree,
  options: Pick<Ext4Options, 'bytesPerInode' | 'journalBytes'> = {},
): number {
  return smallestBytes(tree instanceof ScannedTree ? tree : scanTree(tree, 0), options);
}

type ShapeOptions = Pick<Ext4Options, 'bytesPerInode' | 'journalBytes'>;

function smallestBytes(tree: ScannedTree, options: ShapeOptions): number {
  let sizeBytes =
    roundUp((tree.contentBlocks() + tree.count / 16) * BLOCK_BYTES, SIZE_STEP_BYTES) + SIZE_STEP_BYTES;
  for (;;) {
    const { geometry, places } = layOut(tree, sizeBytes, options);
    const missingBlocks = places.firstFreeBlock - geometry.blocks;
    if (missingBlocks <= 0) return sizeBytes;
    sizeBytes += Math.max(1, Math.floor((missingBlocks * BLOCK_BYTES) / SIZE_STEP_BYTES)) * SIZE_STEP_BYTES;
  }
}

function layOut(
  tree: ScannedTree,
  sizeBytes: number,
  { bytesPerInode = DEFAULT_BYTES_PER_INODE, journalBytes }: ShapeOptions,
): Pick<Ext4Plan, 'geometry' | 'places'> {
  const neededInodes = INODE_NUMBER.firstFree - 1 + tree.count;
  const geometry = ext4Geometry({ sizeBytes, neededInodes, bytesPerInode });
  const journal = journalBytes === undefined ? undefined : Math.ceil(journalBytes / BLOCK_BYTES);
  return { geometry, places: new Places(tree, geometry, journal) };
}

function checkOptions({ uuid, label = '', reservedPercent = 0, journalBytes }: Ext4Options): void {
  uuidBytes(uuid);
  if (Buffer.byteLength(label) > LABEL_BYTES) {
    throw new SlipwayError(
      'DISK_NAME_INVALID',
      `cannot label an ext4 ${label}: a label has at most ${LABEL_BYTES} bytes`,
    );
  }
  if (!(reservedPercent >= 0 && reservedPercent <= 50)) {
    throw new SlipwayError('DISK_INVALID', `cannot reserve ${reservedPercent} % of an ext4`);
  }
  if (journalBytes !== undefined && journalBytes !== 0 && !(journalBytes >= 4 * 1024 * 1024)) {
    throw new SlipwayError(
      'DISK_INVALID',
      `cannot make a journal of ${journalBytes} bytes: 4 MiB are the least`,
    );
  }
}
