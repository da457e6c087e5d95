import { roundUp, SlipwayError } from '@slipway/core';
import type { DiskDirectory } from '../tree.ts';
import { uuidBytes } from '../uuid.ts';
import { blockAllocator } from './allocator.ts';
import { fileSystemSeed } from './checksum.ts';
import { type ExtentMap, NO_EXTENTS, placeStretches } from './extent.ts';
import { BLOCK_BYTES, INODE_NUMBER, LABEL_BYTES } from './format.ts';
import { type Ext4Geometry, ext4Geometry } from './geometry.ts';
import { journalBlocks } from './journal.ts';
import { type ScannedInode, scanTree } from './scan.ts';

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

/** An inode with its place. */
export interface PlacedInode {
  readonly scanned: ScannedInode;
  readonly map: ExtentMap;
  /** 0 for none. */
  readonly xattrBlock: number;
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
  readonly journal: { readonly blocks: number; readonly map: ExtentMap };
  /** The double indirect block of the resize inode; 0 where there is nothing in reserve. */
  readonly resizeBlock: number;
  /** In order of their numbers: the root, `lost+found`, then all others without a gap. */
  readonly inodes: readonly PlacedInode[];
  /** Directories, symlinks and attribute blocks in the order of the disk. */
  readonly smallThings: readonly PlacedInode[];
  /** Files with content in the order of the disk, after all small things. */
  readonly files: readonly PlacedInode[];
  /** Below this every block is in use, above it only metadata. */
  readonly firstFreeBlock: number;
}

const DEFAULT_BYTES_PER_INODE = 16_384;
const DEFAULT_RESERVED_PERCENT = 1;
const SIZE_STEP_BYTES = 1024 * 1024;

/**
 * Lays a tree out as an ext4 file system; nothing is read and nothing written.
 *
 * @throws SlipwayError DISK_TOO_SMALL, DISK_NAME_INVALID, DISK_TREE_INVALID
 */
export function planExt4(tree: DiskDirectory, options: Ext4Options): Ext4Plan {
  checkOptions(options);
  const scanned = scanTree(tree, options.timeSec);
  const sizeBytes = options.sizeBytes ?? smallestBytes(scanned, options);
  const layout = placeInodes(scanned, sizeBytes, options);
  const { geometry } = layout;
  const missingBlocks = layout.firstFreeBlock - geometry.blocks;
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
    uuid: options.uuid,
    label: options.label ?? '',
    timeSec: options.timeSec,
    reservedBlocks: Math.floor((geometry.blocks * reservedPercent) / 100),
    seed: fileSystemSeed(options.uuid),
    ...layout,
  };
}

/**
 * The smallest size, in whole MiB, at which the tree fits with its journal. Nothing is left free.
 *
 * @throws SlipwayError DISK_NAME_INVALID, DISK_TREE_INVALID
 */
export function minimumExt4Bytes(
  tree: DiskDirectory,
  options: Pick<Ext4Options, 'bytesPerInode' | 'journalBytes'> = {},
): number {
  return smallestBytes(scanTree(tree, 0), options);
}

type ShapeOptions = Pick<Ext4Options, 'bytesPerInode' | 'journalBytes'>;

function smallestBytes(scanned: readonly ScannedInode[], options: ShapeOptions): number {
  const contentBlocks = scanned.reduce(
    (sum, { stretches }) => stretches.reduce((own, each) => own + each.blocks, sum),
    0,
  );
  let sizeBytes =
    roundUp((contentBlocks + scanned.length / 16) * BLOCK_BYTES, SIZE_STEP_BYTES) + SIZE_STEP_BYTES;
  for (;;) {
    const { geometry, firstFreeBlock } = placeInodes(scanned, sizeBytes, options);
    const missingBlocks = firstFreeBlock - geometry.blocks;
    if (missingBlocks <= 0) return sizeBytes;
    sizeBytes += Math.max(1, Math.floor((missingBlocks * BLOCK_BYTES) / SIZE_STEP_BYTES)) * SIZE_STEP_BYTES;
  }
}

type Layout = Pick<
  Ext4Plan,
  'geometry' | 'journal' | 'resizeBlock' | 'inodes' | 'smallThings' | 'files' | 'firstFreeBlock'
>;

/**
 * Gives everything its place: resize inode, journal, then what is small, then the files, all in the order of the tree.
 * What a boot looks up stands close together this way.
 */
function placeInodes(scanned: readonly ScannedInode[], sizeBytes: number, options: ShapeOptions): Layout {
  const geometry = ext4Geometry({
    sizeBytes,
    neededInodes: INODE_NUMBER.firstFree - 1 + scanned.length,
    bytesPerInode: options.bytesPerInode ?? DEFAULT_BYTES_PER_INODE,
  });
  const allocator = blockAllocator(geometry);
  const resizeBlock = geometry.reservedDescriptorBlocks > 0 ? allocator.takeOne() : 0;
  const blocks =
    options.journalBytes === undefined
      ? journalBlocks(geometry.blocks)
      : Math.ceil(options.journalBytes / BLOCK_BYTES);
  const journal = {
    blocks,
    map: blocks === 0 ? NO_EXTENTS : placeStretches(allocator, [{ logical: 0, blocks }]),
  };

  const inodes: PlacedInode[] = [];
  const smallThings: PlacedInode[] = [];
  const isFile = (inode: ScannedInode): boolean => inode.node.kind === 'file';
  for (const inode of scanned) {
    const xattrBlock = inode.xattrs.block === undefined ? 0 : allocator.takeOne();
    const map = isFile(inode) ? NO_EXTENTS : placeStretches(allocator, inode.stretches);
    const placed = { scanned: inode, map, xattrBlock };
    inodes.push(placed);
    if (xattrBlock > 0 || map !== NO_EXTENTS) smallThings.push(placed);
  }
  const files: PlacedInode[] = [];
  for (const [index, placed] of inodes.entries()) {
    if (!isFile(placed.scanned) || placed.scanned.stretches.length === 0) continue;
    const file = { ...placed, map: placeStretches(allocator, placed.scanned.stretches) };
    inodes[index] = file;
    files.push(file);
  }
  return { geometry, journal, resizeBlock, inodes, smallThings, files, firstFreeBlock: allocator.next };
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
