import { SlipwayError } from '@slipway/core';
import type { DiskDirectory, DiskFile } from '../tree.ts';
import { uuidBytes } from '../uuid.ts';
import {
  DIRENT_BYTES,
  type FatBits,
  FIRST_CLUSTER,
  FIXED_ROOT_ENTRIES,
  LONG_NAME_UNITS,
  MAX_FILE_BYTES,
  SECTOR_BYTES,
} from './format.ts';
import { type FatGeometry, fatGeometry } from './geometry.ts';
import { type FatName, fatLabel, fatNames } from './names.ts';

/** What a FAT file system is to be. */
export interface FatOptions {
  /** The volume id is its first four bytes. */
  readonly uuid: string;
  /** At most 11 capital letters and digits. */
  readonly label?: string;
  /** Seconds since 1970: the time of the label. */
  readonly timeSec: number;
  /** As small as the tree allows where absent. */
  readonly sizeBytes?: number;
  /** Chosen by size where absent. */
  readonly bits?: FatBits;
  /** Where the partition starts on its disk, for boot code that asks. */
  readonly partitionOffsetBytes?: number;
}

/** A file or directory with its place; `firstCluster` is 0 for one without clusters. */
export type FatPlanned = FatPlannedDirectory | FatPlannedFile;

export interface FatPlannedFile {
  readonly kind: 'file';
  readonly name: FatName;
  readonly path: string;
  readonly node: DiskFile;
  readonly firstCluster: number;
  readonly clusters: number;
}

export interface FatPlannedDirectory {
  readonly kind: 'directory';
  readonly name: FatName;
  readonly path: string;
  readonly node: DiskDirectory;
  readonly firstCluster: number;
  readonly clusters: number;
  readonly parentCluster: number;
  readonly children: readonly FatPlanned[];
}

/** Everything about a FAT file system except the bytes of its files. */
export interface FatPlan {
  readonly sizeBytes: number;
  readonly geometry: FatGeometry;
  readonly volumeId: number;
  readonly label: string | undefined;
  readonly timeSec: number;
  readonly hiddenSectors: number;
  readonly root: FatPlannedDirectory;
  /** All but the fixed root of FAT12 and FAT16, in the order of their clusters. */
  readonly inClusterOrder: readonly FatPlanned[];
  readonly usedClusters: number;
}

/**
 * Lays a tree out as a FAT file system; owners, modes and xattrs have no place there and are left out.
 *
 * @throws SlipwayError DISK_TOO_SMALL, DISK_NAME_INVALID, DISK_TREE_INVALID for links, devices and files of 4 GiB
 */
export function planFat(tree: DiskDirectory, options: FatOptions): FatPlan {
  const sizeBytes = options.sizeBytes ?? minimumFatBytes(tree, options);
  const geometry = fatGeometry(sizeBytes, options.bits);
  const placed = placeTree(tree, geometry);
  if (placed.usedClusters > geometry.clusters) {
    const neededBytes = (geometry.dataSector + placed.usedClusters * geometry.clusterSectors) * SECTOR_BYTES;
    throw new SlipwayError(
      'DISK_TOO_SMALL',
      `cannot make a FAT of ${sizeBytes} bytes: its files do not fit`,
      {
        hint: `it needs ${neededBytes} bytes at least`,
        details: { sizeBytes, neededBytes },
      },
    );
  }
  return {
    sizeBytes,
    geometry,
    volumeId: uuidBytes(options.uuid).readUInt32BE(0),
    label: options.label === undefined || options.label === '' ? undefined : fatLabel(options.label),
    timeSec: options.timeSec,
    hiddenSectors: (options.partitionOffsetBytes ?? 0) / SECTOR_BYTES,
    ...placed,
  };
}

/** The smallest size, in whole MiB, at which the tree fits. */
export function minimumFatBytes(tree: DiskDirectory, options: Pick<FatOptions, 'bits'> = {}): number {
  const step = 1024 * 1024;
  let sizeBytes = step * (options.bits === 32 ? 34 : options.bits === 16 ? 9 : 1);
  for (;;) {
    const geometry = fatGeometry(sizeBytes, options.bits);
    const { usedClusters } = placeTree(tree, geometry);
    const missing = usedClusters - geometry.clusters;
    if (missing <= 0) return sizeBytes;
    sizeBytes += Math.max(step, Math.floor((missing * geometry.clusterSectors * SECTOR_BYTES) / step) * step);
  }
}

interface PlacedTree {
  readonly root: FatPlannedDirectory;
  readonly inClusterOrder: readonly FatPlanned[];
  readonly usedClusters: number;
}

function placeTree(tree: DiskDirectory, geometry: FatGeometry): PlacedTree {
  const clusterBytes = geometry.clusterSectors * SECTOR_BYTES;
  const inClusterOrder: FatPlanned[] = [];
  const seen = new Set<DiskFile | DiskDirectory>();
  let next = FIRST_CLUSTER;

  function take(bytes: number): { firstCluster: number; clusters: number } {
    const clusters = Math.ceil(bytes / clusterBytes);
    const firstCluster = clusters === 0 ? 0 : next;
    next += clusters;
    return { firstCluster, clusters };
  }

  function placeFile(node: DiskFile, name: FatName, path: string): FatPlannedFile {
    if (node.sizeBytes > MAX_FILE_BYTES) refuse(path, 'FAT holds files below 4 GiB only');
    if (node.verity !== undefined) refuse(path, 'FAT has no fs-verity');
    if (node.data !== undefined) refuse(path, 'FAT has no holes');
    const file: FatPlannedFile = { kind: 'file', node, name, path, ...take(node.sizeBytes) };
    inClusterOrder.push(file);
    return file;
  }

  function placeDirectory(
    node: DiskDirectory,
    name: FatName,
    path: string,
    parentCluster: number,
  ): FatPlannedDirectory {
    const isRoot = path === '';
    const names = fatNames([...node.entries.keys()].sort());
    const fixed = isRoot && geometry.bits !== 32;
    const entries = (isRoot ? 1 : 2) + [...names.values()].reduce((sum, each) => sum + entriesOf(each), 0);
    if (fixed && entries > FIXED_ROOT_ENTRIES) refuse('/', `its root holds ${FIXED_ROOT_ENTRIES} entries`);
    const place = fixed ? { firstCluster: 0, clusters: 0 } : take(entries * DIRENT_BYTES);
    const children: FatPlanned[] = [];
    const directory = { kind: 'directory', node, name, path, parentCluster, children, ...place } as const;
    if (!fixed) inClusterOrder.push(directory);
    for (const [key, childName] of names) {
      const child = node.entries.get(key);
      const childPath = `${path}/${Buffer.from(key, 'latin1').toString('utf8')}`;
      if (child?.kind !== 'file' && child?.kind !== 'directory')
        refuse(childPath, `FAT has no ${child?.kind}`);
      if (seen.has(child)) refuse(childPath, 'FAT has no hard links');
      seen.add(child);
      // The parent of what stands in the root is written as cluster 0, on FAT32 too.
      const parent = isRoot ? 0 : place.firstCluster;
      children.push(
        child.kind === 'file'
          ? placeFile(child, childName, childPath)
          : placeDirectory(child, childName, childPath, parent),
      );
    }
    return directory;
  }

  const root = placeDirectory(tree, { short: '', long: undefined }, '', 0);
  return { root, inClusterOrder, usedClusters: next - FIRST_CLUSTER };
}

/** Directory entries a name takes: one, and one for every 13 characters of a long name. */
export function entriesOf(name: FatName): number {
  return 1 + (name.long === undefined ? 0 : Math.ceil(name.long.length / LONG_NAME_UNITS));
}

function refuse(path: string, why: string): never {
  throw new SlipwayError('DISK_TREE_INVALID', `cannot put ${path} on FAT: ${why}`, { details: { path } });
}
