/**
 * VMDK stream-optimized sparse extents, VMware's Virtual Disk Format 5.0 (technical note, 2011). All numbers are
 * little-endian and count sectors.
 */

export const SECTOR_BYTES = 512;
/** `KDMV`. */
export const MAGIC = 0x564d444b;
export const VERSION = 3;
export const GRAIN_SECTORS = 128;
export const GRAIN_BYTES: number = GRAIN_SECTORS * SECTOR_BYTES;
/** Grains one grain table describes: 32 MiB. */
export const TABLE_ENTRIES = 512;
export const ENTRY_BYTES = 4;
export const TABLE_BYTES: number = TABLE_ENTRIES * ENTRY_BYTES;
/** Newline test is valid; grains are compressed; there are markers. */
export const FLAGS = 0x0003_0001;
export const COMPRESSION_DEFLATE = 1;
/** Where the grain directory of a stream is, says its footer. */
export const DIRECTORY_AT_END = 0xffff_ffff_ffff_ffffn;

/** The descriptor has its place after the header, and data begins at this sector. */
export const DESCRIPTOR_SECTOR = 1;
export const DESCRIPTOR_SECTORS = 20;
export const OVERHEAD_SECTORS = 128;

/** Offsets are 32 bits of sectors. */
export const MOST_BYTES: number = 2 ** 32 * SECTOR_BYTES - GRAIN_BYTES;

export const HEADER = {
  magic: 0,
  version: 4,
  flags: 8,
  capacity: 12,
  grainSectors: 20,
  descriptorSector: 28,
  descriptorSectors: 36,
  tableEntries: 44,
  redundantDirectory: 48,
  directory: 56,
  overhead: 64,
  uncleanShutdown: 72,
  newlineTest: 73,
  compression: 77,
} as const;

/** Offsets in a marker; the bytes of a grain follow its size at once. */
export const MARKER = { value: 0, size: 8, type: 12, bytes: 12 } as const;
export const MARKER_TYPE = { endOfStream: 0, table: 1, directory: 2, footer: 3 } as const;
