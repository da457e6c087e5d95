/** Virtual Hard Disk Image Format Specification, Microsoft 2006. All numbers are big-endian. */

export const SECTOR_BYTES = 512;
export const FOOTER_BYTES = 512;
export const DYNAMIC_HEADER_BYTES = 1024;
/** Of dynamic disks; the block allocation table counts these. */
export const BLOCK_BYTES: number = 2 * 1024 * 1024;
/** One bit for each sector of a block. */
export const BITMAP_BYTES: number = BLOCK_BYTES / SECTOR_BYTES / 8;
export const TABLE_OFFSET: number = FOOTER_BYTES + DYNAMIC_HEADER_BYTES;
export const NOT_PRESENT = 0xffffffff;
/** What Hyper-V and Azure take. */
export const MOST_BYTES: number = 2040 * 1024 ** 3;

export const DISK_TYPE = { fixed: 2, dynamic: 3 } as const;

export const FOOTER = {
  cookie: 0,
  features: 8,
  version: 12,
  dataOffset: 16,
  timestamp: 24,
  creatorApplication: 28,
  creatorVersion: 32,
  creatorSystem: 36,
  originalSize: 40,
  currentSize: 48,
  cylinders: 56,
  heads: 58,
  sectorsPerTrack: 59,
  diskType: 60,
  checksum: 64,
  uuid: 68,
} as const;

export const DYNAMIC_HEADER = {
  cookie: 0,
  dataOffset: 8,
  tableOffset: 16,
  version: 24,
  tableEntries: 28,
  blockBytes: 32,
  checksum: 36,
} as const;

export const FOOTER_COOKIE = 'conectix';
export const DYNAMIC_COOKIE = 'cxsparse';
/** Seconds from 1970 to 2000, where the time of a footer begins. */
export const EPOCH_SEC = 946_684_800;
