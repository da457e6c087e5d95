import { roundUp, SlipwayError } from '@slipway/core';
import {
  CLUSTER_LIMITS,
  DIRENT_BYTES,
  FAT_COPIES,
  type FatBits,
  FIRST_CLUSTER,
  FIXED_ROOT_ENTRIES,
  SECTOR_BYTES,
} from './format.ts';

/** Where the areas of a FAT file system lie; sectors of 512 bytes. */
export interface FatGeometry {
  readonly bits: FatBits;
  readonly sectors: number;
  readonly clusterSectors: number;
  readonly reservedSectors: number;
  readonly fatSectors: number;
  /** Zero on FAT32, whose root is a chain of clusters. */
  readonly rootSectors: number;
  readonly dataSector: number;
  readonly clusters: number;
}

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
const MAX_CLUSTER_SECTORS = 64;

/**
 * The width and cluster size a size asks for, in the manner of mkfs.fat: FAT32 from 512 MiB, FAT12 below what FAT16 needs.
 *
 * @throws SlipwayError DISK_TOO_SMALL, or DISK_INVALID when no cluster size of that width suits the size
 */
export function fatGeometry(sizeBytes: number, wanted?: FatBits): FatGeometry {
  const sectors = Math.floor(sizeBytes / SECTOR_BYTES);
  if (sectors > 0xffffffff) throw new SlipwayError('DISK_INVALID', `cannot make a FAT of ${sizeBytes} bytes`);
  for (const bits of wanted === undefined ? preferredBits(sizeBytes) : [wanted]) {
    const first = smallestClusterSectors(bits, sizeBytes);
    for (let clusterSectors = first; clusterSectors <= MAX_CLUSTER_SECTORS; clusterSectors *= 2) {
      const geometry = geometryOf(bits, sectors, clusterSectors);
      const { min, max } = CLUSTER_LIMITS[bits];
      if (geometry.clusters >= min && geometry.clusters <= max) return geometry;
    }
  }
  throw new SlipwayError('DISK_TOO_SMALL', `cannot make a FAT${wanted ?? ''} of ${sizeBytes} bytes`, {
    hint: wanted === 32 ? 'FAT32 needs 34 MiB at least' : 'choose another size',
    details: { sizeBytes },
  });
}

function preferredBits(sizeBytes: number): readonly FatBits[] {
  return sizeBytes >= 512 * MIB ? [32] : [16, 12];
}

function smallestClusterSectors(bits: FatBits, sizeBytes: number): number {
  if (bits !== 32) return 4;
  if (sizeBytes < 260 * MIB) return 1;
  if (sizeBytes <= 8 * GIB) return 8;
  return sizeBytes <= 16 * GIB ? 16 : sizeBytes <= 32 * GIB ? 32 : 64;
}

function geometryOf(bits: FatBits, sectors: number, clusterSectors: number): FatGeometry {
  const reservedSectors = bits === 32 ? 32 : 1;
  const rootSectors = bits === 32 ? 0 : (FIXED_ROOT_ENTRIES * DIRENT_BYTES) / SECTOR_BYTES;
  // The FAT describes the data area that is left beside it: the smallest FAT that covers the rest.
  const rest = sectors - reservedSectors - rootSectors;
  const clustersWithoutFat = Math.max(0, Math.floor(rest / clusterSectors));
  let fatSectors = fatSectorsFor(bits, clustersWithoutFat);
  for (;;) {
    const clusters = Math.floor((rest - FAT_COPIES * (fatSectors - 1)) / clusterSectors);
    if (fatSectors <= 1 || fatSectorsFor(bits, clusters) > fatSectors - 1) break;
    fatSectors -= 1;
  }
  const dataSector = reservedSectors + FAT_COPIES * fatSectors + rootSectors;
  const clusters = Math.floor((sectors - dataSector) / clusterSectors);
  return { bits, sectors, clusterSectors, reservedSectors, fatSectors, rootSectors, dataSector, clusters };
}

function fatSectorsFor(bits: FatBits, clusters: number): number {
  return roundUp(Math.ceil(((clusters + FIRST_CLUSTER) * bits) / 8), SECTOR_BYTES) / SECTOR_BYTES;
}
