/** The FAT file system: Microsoft's "FAT: General Overview of On-Disk Format" 1.03 (fatgen103), with long names. */

export const SECTOR_BYTES = 512;
export const FAT_COPIES = 2;
export const MEDIA_FIXED = 0xf8;
export const DIRENT_BYTES = 32;
/** Entries of the root directory of FAT12 and FAT16, which cannot grow. */
export const FIXED_ROOT_ENTRIES = 512;
/** The first cluster of the data area has this number. */
export const FIRST_CLUSTER = 2;
export const MAX_FILE_BYTES = 0xffffffff;
/** UTF-16 units of a long name in one directory entry, and of a whole one. */
export const LONG_NAME_UNITS = 13;
export const MAX_LONG_NAME_UNITS = 255;

export type FatBits = 12 | 16 | 32;

/** The width of a FAT follows from the number of its clusters and nothing else. */
export const CLUSTER_LIMITS: Readonly<Record<FatBits, { readonly min: number; readonly max: number }>> = {
  12: { min: 1, max: 4084 },
  16: { min: 4085, max: 65524 },
  32: { min: 65525, max: 0x0ffffff4 },
};

export const END_OF_CHAIN: Readonly<Record<FatBits, number>> = { 12: 0xfff, 16: 0xffff, 32: 0x0fffffff };

/** Offsets in the boot sector common to all widths. */
export const BOOT = {
  jump: 0,
  oem: 3,
  sectorBytes: 11,
  clusterSectors: 13,
  reservedSectors: 14,
  fatCopies: 16,
  rootEntries: 17,
  sectors16: 19,
  media: 21,
  fatSectors16: 22,
  trackSectors: 24,
  heads: 26,
  hiddenSectors: 28,
  sectors32: 32,
  signature: 510,
} as const;

/** Offsets of FAT32's own fields. */
export const BOOT32 = { fatSectors: 36, rootCluster: 44, infoSector: 48, backupSector: 50 } as const;

/** Offset of the extended part: drive, signature, volume id, label, type. */
export const EXTENDED_AT: Readonly<Record<FatBits, number>> = { 12: 36, 16: 36, 32: 64 };
export const EXTENDED = { drive: 0, signature: 2, volumeId: 3, label: 7, type: 18 } as const;

export const INFO_SECTOR = 1;
export const BACKUP_BOOT_SECTOR = 6;
export const INFO = { lead: 0, structure: 484, freeClusters: 488, nextFree: 492, trail: 508 } as const;

export const ATTRIBUTE = { volumeLabel: 0x08, directory: 0x10, archive: 0x20, longName: 0x0f } as const;

/** Offsets in a directory entry. */
export const DIRENT = {
  name: 0,
  attributes: 11,
  createdTime: 14,
  createdDate: 16,
  accessedDate: 18,
  clusterHigh: 20,
  modifiedTime: 22,
  modifiedDate: 24,
  clusterLow: 26,
  sizeBytes: 28,
} as const;

/** Offsets of the UTF-16 units of a long-name entry. */
export const LONG_NAME_AT: readonly number[] = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];
export const LONG_NAME = { order: 0, attributes: 11, checksum: 13 } as const;
/** Set in the order byte of the last part, which stands first on the disk. */
export const LONG_NAME_LAST = 0x40;
