/** What firmware starts from a medium (El Torito 1.0; UEFI 2.10 section 13.3.2). */
import { type OperationOptions, SlipwayError } from '@slipway/core';
import type { DiskWriter } from '../device/writer.ts';
import {
  BOOT_RECORD_SECTOR,
  BOOTABLE,
  CATALOG_ENTRY_BYTES,
  CATALOG_POINTER,
  CATALOG_SECTOR_BYTES,
  DESCRIPTOR_TYPE,
  EL_TORITO_ID,
  HEADER_ID,
  PLATFORM,
  PRIMARY_SECTOR,
  SECTOR_BYTES,
  STANDARD_ID,
} from './format.ts';

/** A boot partition with a FAT file system. */
export interface EfiBoot {
  /** Whole sectors of 2048 bytes. */
  readonly sizeBytes: number;
  /** Of the partition, for the table a USB stick is read by. */
  readonly partitionUuid: string;
  readonly diskUuid: string;
  write(window: DiskWriter, options: OperationOptions): Promise<void>;
}

/** A boot image that a BIOS loads into memory as it is. */
export interface BiosBoot {
  readonly image: Uint8Array;
  /** How much of the image the BIOS loads; the rest the image loads itself. All of it where absent. */
  readonly loadBytes?: number;
  /** The image for the place it gets, of the same length; the same everywhere where absent. */
  readonly placed?: (imageOffsetBytes: number) => Uint8Array;
  /** Writes into the image where it is, as `-boot-info-table` of mkisofs does; it learns nothing where absent. */
  readonly hasInfoTable?: boolean;
  /** What a BIOS starts from a USB stick, 440 bytes at most, told where the image is; only beside what UEFI starts. */
  readonly bootCode?: (imageOffsetBytes: number) => Uint8Array;
}

const INFO_TABLE_AT = 8;
const INFO_TABLE_BYTES = 56;
const CHECKSUM_FROM = 64;

/** Counts of 512 bytes in an entry; 0, "to the end of the medium", where 16 bits do not hold them. */
export function loadSectors(sizeBytes: number): number {
  const sectors = Math.ceil(sizeBytes / CATALOG_SECTOR_BYTES);
  return sectors > 0xffff ? 0 : sectors;
}

/** The volume descriptor that leads to the catalog. */
export function encodeBootRecord(catalogSector: number): Buffer {
  const sector = Buffer.alloc(SECTOR_BYTES);
  sector.writeUInt8(DESCRIPTOR_TYPE.boot, 0);
  sector.write(STANDARD_ID, 1, 'latin1');
  sector.writeUInt8(1, 6);
  sector.write(EL_TORITO_ID, 7, 'latin1');
  sector.writeUInt32LE(catalogSector, CATALOG_POINTER);
  return sector;
}

/** One thing to start. */
export interface CatalogEntry {
  readonly platform: 'bios' | 'efi';
  readonly sector: number;
  /** Of 512 bytes. */
  readonly loadSectors: number;
}

/** The catalog: the first entry is the default one, every other has a section of its own. */
export function encodeCatalog(entries: readonly CatalogEntry[]): Buffer {
  const catalog = Buffer.alloc(SECTOR_BYTES);
  const [first] = entries;
  catalog.set([HEADER_ID.validation, PLATFORM[first?.platform ?? 'bios']]);
  catalog.set([0x55, 0xaa], 30);
  let sum = 0;
  for (let at = 0; at < CATALOG_ENTRY_BYTES; at += 2) sum += catalog.readUInt16LE(at);
  catalog.writeUInt16LE(-sum & 0xffff, 28);
  entries.forEach((entry, index) => {
    const at = index === 0 ? CATALOG_ENTRY_BYTES : index * 2 * CATALOG_ENTRY_BYTES;
    if (index > 0) {
      const isLast = index === entries.length - 1;
      catalog.set([isLast ? HEADER_ID.last : HEADER_ID.more, PLATFORM[entry.platform], 1], at);
    }
    const entryAt = index === 0 ? at : at + CATALOG_ENTRY_BYTES;
    catalog.writeUInt8(BOOTABLE, entryAt);
    catalog.writeUInt16LE(entry.loadSectors, entryAt + 6);
    catalog.writeUInt32LE(entry.sector, entryAt + 8);
  });
  return catalog;
}

/** The image of a BIOS as it stands on the medium. */
export function placedBiosImage({ image, placed, hasInfoTable }: BiosBoot, sector: number): Buffer {
  const bytes = Buffer.from(placed?.(sector * SECTOR_BYTES) ?? image);
  if (bytes.length !== image.length)
    throw new SlipwayError('DISK_INVALID', 'cannot boot a BIOS from an image that changes its size');
  if (hasInfoTable !== true) return bytes;
  bytes.fill(0, INFO_TABLE_AT, INFO_TABLE_AT + INFO_TABLE_BYTES);
  bytes.writeUInt32LE(PRIMARY_SECTOR, INFO_TABLE_AT);
  bytes.writeUInt32LE(sector, INFO_TABLE_AT + 4);
  bytes.writeUInt32LE(bytes.length, INFO_TABLE_AT + 8);
  let sum = 0;
  for (let at = CHECKSUM_FROM; at < bytes.length; at += 4) {
    const word = Buffer.alloc(4);
    bytes.copy(word, 0, at, Math.min(at + 4, bytes.length));
    sum = (sum + word.readUInt32LE(0)) >>> 0;
  }
  bytes.writeUInt32LE(sum, INFO_TABLE_AT + 12);
  return bytes;
}

/** Where {@link encodeBootRecord} has to stand. */
export const BOOT_RECORD_AT: number = BOOT_RECORD_SECTOR * SECTOR_BYTES;
