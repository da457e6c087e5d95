import type { OperationOptions } from '@slipway/core';
import { openContent } from '../content.ts';
import type { DiskWriter } from '../device/writer.ts';
import { encodeDirectory } from './directory.ts';
import {
  BACKUP_BOOT_SECTOR,
  BOOT,
  BOOT32,
  DIRENT_BYTES,
  END_OF_CHAIN,
  EXTENDED,
  EXTENDED_AT,
  FAT_COPIES,
  FIRST_CLUSTER,
  FIXED_ROOT_ENTRIES,
  INFO,
  INFO_SECTOR,
  MEDIA_FIXED,
  SECTOR_BYTES,
} from './format.ts';
import type { FatPlan } from './plan.ts';

/**
 * Writes a planned FAT file system: boot sectors, both FATs, directories, files, in the order of the disk.
 *
 * @throws SlipwayError DISK_CONTENT_CHANGED when a file does not yield the bytes it announced
 */
export async function writeFat(
  target: DiskWriter,
  plan: FatPlan,
  options: OperationOptions = {},
): Promise<void> {
  await writeBootSectors(target, plan);
  await writeAllocation(target, plan);
  await writeFixedRoot(target, plan);
  await writeClusters(target, plan, options);
}

async function writeBootSectors(target: DiskWriter, plan: FatPlan): Promise<void> {
  const boot = encodeBootSector(plan);
  await target.write(0, boot);
  if (plan.geometry.bits !== 32) return;
  const info = encodeInfoSector(plan);
  await target.write(INFO_SECTOR * SECTOR_BYTES, info);
  await target.write(BACKUP_BOOT_SECTOR * SECTOR_BYTES, boot);
  await target.write((BACKUP_BOOT_SECTOR + INFO_SECTOR) * SECTOR_BYTES, info);
}

function encodeBootSector({ geometry, volumeId, label, hiddenSectors }: FatPlan): Buffer {
  const { bits, sectors } = geometry;
  const sector = Buffer.alloc(SECTOR_BYTES);
  const extendedAt = EXTENDED_AT[bits];
  const codeAt = extendedAt + 26;
  sector.set([0xeb, codeAt - 2, 0x90], BOOT.jump);
  // What runs if someone boots the partition itself: `int 18h`, "nothing to boot here", and stop.
  sector.set([0xcd, 0x18, 0xf4, 0xeb, 0xfd], codeAt);
  sector.write('SLIPWAY ', BOOT.oem, 'latin1');
  sector.writeUInt16LE(SECTOR_BYTES, BOOT.sectorBytes);
  sector.writeUInt8(geometry.clusterSectors, BOOT.clusterSectors);
  sector.writeUInt16LE(geometry.reservedSectors, BOOT.reservedSectors);
  sector.writeUInt8(FAT_COPIES, BOOT.fatCopies);
  sector.writeUInt16LE(bits === 32 ? 0 : FIXED_ROOT_ENTRIES, BOOT.rootEntries);
  const small = bits !== 32 && sectors < 0x10000;
  sector.writeUInt16LE(small ? sectors : 0, BOOT.sectors16);
  sector.writeUInt8(MEDIA_FIXED, BOOT.media);
  sector.writeUInt16LE(bits === 32 ? 0 : geometry.fatSectors, BOOT.fatSectors16);
  sector.writeUInt16LE(63, BOOT.trackSectors);
  sector.writeUInt16LE(255, BOOT.heads);
  sector.writeUInt32LE(hiddenSectors, BOOT.hiddenSectors);
  sector.writeUInt32LE(small ? 0 : sectors, BOOT.sectors32);
  if (bits === 32) {
    sector.writeUInt32LE(geometry.fatSectors, BOOT32.fatSectors);
    sector.writeUInt32LE(FIRST_CLUSTER, BOOT32.rootCluster);
    sector.writeUInt16LE(INFO_SECTOR, BOOT32.infoSector);
    sector.writeUInt16LE(BACKUP_BOOT_SECTOR, BOOT32.backupSector);
  }
  sector.writeUInt8(0x80, extendedAt + EXTENDED.drive);
  sector.writeUInt8(0x29, extendedAt + EXTENDED.signature);
  sector.writeUInt32LE(volumeId, extendedAt + EXTENDED.volumeId);
  sector.write(label ?? 'NO NAME    ', extendedAt + EXTENDED.label, 'latin1');
  sector.write(`FAT${bits}`.padEnd(8, ' '), extendedAt + EXTENDED.type, 'latin1');
  sector.writeUInt16LE(0xaa55, BOOT.signature);
  return sector;
}

function encodeInfoSector({ geometry, usedClusters }: FatPlan): Buffer {
  const sector = Buffer.alloc(SECTOR_BYTES);
  sector.writeUInt32LE(0x41615252, INFO.lead);
  sector.writeUInt32LE(0x61417272, INFO.structure);
  sector.writeUInt32LE(geometry.clusters - usedClusters, INFO.freeClusters);
  sector.writeUInt32LE(FIRST_CLUSTER + usedClusters, INFO.nextFree);
  sector.writeUInt32LE(0xaa550000, INFO.trail);
  return sector;
}

async function writeAllocation(target: DiskWriter, plan: FatPlan): Promise<void> {
  const fat = encodeAllocation(plan);
  const { reservedSectors, fatSectors } = plan.geometry;
  for (let copy = 0; copy < FAT_COPIES; copy += 1) {
    await target.write((reservedSectors + copy * fatSectors) * SECTOR_BYTES, fat);
  }
}

/** The used start of the FAT: every chain is one run of neighbours. The rest reads as zero, which is free. */
function encodeAllocation({ geometry, inClusterOrder, usedClusters }: FatPlan): Buffer {
  const { bits } = geometry;
  const end = END_OF_CHAIN[bits];
  const fat = Buffer.alloc(Math.ceil(((FIRST_CLUSTER + usedClusters) * bits) / 8) + 1);
  const setEntry = (cluster: number, value: number): void => {
    if (bits === 32) fat.writeUInt32LE(value, cluster * 4);
    else if (bits === 16) fat.writeUInt16LE(value, cluster * 2);
    else {
      const at = Math.floor((cluster * 3) / 2);
      const old = fat.readUInt16LE(at);
      fat.writeUInt16LE(cluster % 2 === 0 ? (old & 0xf000) | value : (old & 0x000f) | (value << 4), at);
    }
  };
  // Entry 0 repeats the media byte, entry 1 says the volume was left clean.
  setEntry(0, (end & ~0xff) | MEDIA_FIXED);
  setEntry(1, end);
  for (const { firstCluster, clusters } of inClusterOrder) {
    for (let index = 0; index < clusters; index += 1) {
      setEntry(firstCluster + index, index === clusters - 1 ? end : firstCluster + index + 1);
    }
  }
  return fat.subarray(0, Math.ceil(((FIRST_CLUSTER + usedClusters) * bits) / 8));
}

async function writeFixedRoot(target: DiskWriter, plan: FatPlan): Promise<void> {
  if (plan.geometry.bits === 32) return;
  const rootSector = plan.geometry.dataSector - plan.geometry.rootSectors;
  await target.write(rootSector * SECTOR_BYTES, padded(encodeDirectory(plan, plan.root)));
}

async function writeClusters(target: DiskWriter, plan: FatPlan, { signal }: OperationOptions): Promise<void> {
  const { dataSector, clusterSectors } = plan.geometry;
  for (const planned of plan.inClusterOrder) {
    signal?.throwIfAborted();
    let at = (dataSector + (planned.firstCluster - FIRST_CLUSTER) * clusterSectors) * SECTOR_BYTES;
    if (planned.kind === 'directory') {
      await target.write(at, padded(encodeDirectory(plan, planned)));
      continue;
    }
    for await (const chunk of openContent(planned.node, () => planned.path)) {
      await target.write(at, chunk);
      at += chunk.length;
    }
  }
}

/** A directory ends with a zero entry where it does not fill its clusters; the disk reads as zeros there. */
function padded(entries: Buffer): Buffer {
  return entries.length === 0 ? Buffer.alloc(DIRENT_BYTES) : entries;
}
