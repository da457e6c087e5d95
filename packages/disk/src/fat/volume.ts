import { SlipwayError } from '@slipway/core';
import type { DiskSource } from '../device/source.ts';
import {
  BOOT,
  BOOT32,
  CLUSTER_LIMITS,
  DIRENT_BYTES,
  EXTENDED,
  EXTENDED_AT,
  type FatBits,
  FIRST_CLUSTER,
} from './format.ts';

/** A FAT file system whose boot sector was checked, with the source it was read from. */
export interface FatVolume {
  readonly source: DiskSource;
  readonly bits: FatBits;
  readonly sizeBytes: number;
  readonly clusterBytes: number;
  readonly clusters: number;
  readonly fatOffsetBytes: number;
  readonly fatBytes: number;
  /** The fixed root of FAT12 and FAT16; empty on FAT32. */
  readonly rootOffsetBytes: number;
  readonly rootBytes: number;
  /** First cluster of the root on FAT32; 0 otherwise. */
  readonly rootCluster: number;
  readonly dataOffsetBytes: number;
  readonly volumeId: number;
}

/** A run of neighbouring clusters. */
export interface ClusterRun {
  readonly first: number;
  readonly count: number;
}

const FAT_PAGE_BYTES = 65_532;

/**
 * Reads the boot sector.
 *
 * @throws SlipwayError DISK_INVALID when it is not a FAT file system, or not a possible one
 */
export async function openFatVolume(source: DiskSource): Promise<FatVolume> {
  const boot = await source.read(0, 512);
  const sectorBytes = boot.readUInt16LE(BOOT.sectorBytes);
  const clusterSectors = boot.readUInt8(BOOT.clusterSectors);
  const copies = boot.readUInt8(BOOT.fatCopies);
  const reserved = boot.readUInt16LE(BOOT.reservedSectors);
  const isShape = [512, 1024, 2048, 4096].includes(sectorBytes) && clusterSectors > 0 && reserved > 0;
  if (!isShape || (clusterSectors & (clusterSectors - 1)) !== 0 || copies < 1 || copies > 2) {
    refuse('it is not a FAT file system');
  }
  const sectors = boot.readUInt16LE(BOOT.sectors16) || boot.readUInt32LE(BOOT.sectors32);
  const fatSectors = boot.readUInt16LE(BOOT.fatSectors16) || boot.readUInt32LE(BOOT32.fatSectors);
  const rootBytes = boot.readUInt16LE(BOOT.rootEntries) * DIRENT_BYTES;
  const rootSector = reserved + copies * fatSectors;
  const dataSector = rootSector + Math.ceil(rootBytes / sectorBytes);
  const clusters = Math.floor((sectors - dataSector) / clusterSectors);
  const bits = bitsOf(clusters);
  if (clusters < 1 || sectors * sectorBytes > source.sizeBytes) refuse('it is larger than its disk');
  const fatBytes = fatSectors * sectorBytes;
  if (fatBytes * 8 < (clusters + FIRST_CLUSTER) * bits || (bits === 32) !== (rootBytes === 0)) {
    refuse('its areas contradict each other');
  }
  return {
    source,
    bits,
    sizeBytes: sectors * sectorBytes,
    clusterBytes: clusterSectors * sectorBytes,
    clusters,
    fatOffsetBytes: reserved * sectorBytes,
    fatBytes,
    rootOffsetBytes: rootSector * sectorBytes,
    rootBytes,
    rootCluster: bits === 32 ? boot.readUInt32LE(BOOT32.rootCluster) & 0x0fffffff : 0,
    dataOffsetBytes: dataSector * sectorBytes,
    volumeId: boot.readUInt32LE(EXTENDED_AT[bits] + EXTENDED.volumeId),
  };
}

function bitsOf(clusters: number): FatBits {
  if (clusters <= CLUSTER_LIMITS[12].max) return 12;
  return clusters <= CLUSTER_LIMITS[16].max ? 16 : 32;
}

/** Follows chains through the FAT; no cluster may be in two of them. */
export class ClusterChains {
  readonly #volume: FatVolume;
  readonly #taken: Uint8Array;
  #page: Buffer = Buffer.alloc(0);
  #pageIndex = -1;

  constructor(volume: FatVolume) {
    this.#volume = volume;
    this.#taken = new Uint8Array(Math.ceil((volume.clusters + FIRST_CLUSTER) / 8));
  }

  /**
   * The clusters of a chain, in runs.
   *
   * @param limit more clusters than this are an error
   * @throws SlipwayError DISK_INVALID for chains that go in circles, meet another or lead outside
   */
  async follow(first: number, limit: number): Promise<readonly ClusterRun[]> {
    const runs: { first: number; count: number }[] = [];
    let length = 0;
    for (let cluster = first; ; cluster = await this.#next(cluster)) {
      if (isEnd(cluster, this.#volume.bits)) return runs;
      this.#take(cluster);
      length += 1;
      if (length > limit) refuse(`the chain at cluster ${first} is too long`);
      const last = runs.at(-1);
      if (last !== undefined && last.first + last.count === cluster) last.count += 1;
      else runs.push({ first: cluster, count: 1 });
    }
  }

  #take(cluster: number): void {
    const isInside = cluster >= FIRST_CLUSTER && cluster < this.#volume.clusters + FIRST_CLUSTER;
    if (!isInside) refuse(`a chain leads to cluster ${cluster}`);
    const bits = this.#taken[cluster >> 3] ?? 0;
    const bit = 1 << (cluster & 7);
    if ((bits & bit) !== 0) refuse(`cluster ${cluster} is in two chains`);
    this.#taken[cluster >> 3] = bits | bit;
  }

  async #next(cluster: number): Promise<number> {
    const { bits } = this.#volume;
    const at = Math.floor((cluster * bits) / 8);
    // Pages hold whole entries of every width, those of twelve bits in pairs.
    const page = await this.#pageAt(Math.floor(at / FAT_PAGE_BYTES));
    const within = at % FAT_PAGE_BYTES;
    if (bits === 32) return page.readUInt32LE(within) & 0x0fffffff;
    const pair = page.readUInt16LE(within);
    return bits === 16 ? pair : cluster % 2 === 0 ? pair & 0xfff : pair >> 4;
  }

  async #pageAt(index: number): Promise<Buffer> {
    if (index !== this.#pageIndex) {
      const start = index * FAT_PAGE_BYTES;
      const length = Math.min(FAT_PAGE_BYTES, this.#volume.fatBytes - start);
      this.#page = await this.#volume.source.read(this.#volume.fatOffsetBytes + start, length);
      this.#pageIndex = index;
    }
    return this.#page;
  }
}

function isEnd(cluster: number, bits: FatBits): boolean {
  return cluster >= { 12: 0xff8, 16: 0xfff8, 32: 0x0ffffff8 }[bits];
}

/** @throws SlipwayError DISK_INVALID, always */
export function refuse(why: string): never {
  throw new SlipwayError('DISK_INVALID', `cannot read the FAT file system: ${why}`);
}
