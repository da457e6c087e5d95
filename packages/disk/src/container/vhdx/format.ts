/** Virtual Hard Disk v2, [MS-VHDX]. All numbers are little-endian. */

const KIB = 1024;
export const MIB: number = 1024 * KIB;
export const SECTOR_BYTES = 512;
/** Everything but the headers is whole MiB and begins at one. */
export const BLOCK_BYTES: number = 1024 * KIB;
/** Payload blocks between two entries for sector bitmaps (2.5): 2^23 sectors. */
export const CHUNK_RATIO: number = (2 ** 23 * SECTOR_BYTES) / BLOCK_BYTES;
export const ENTRY_BYTES = 8;
/** States of a payload block (2.5.1.1). */
export const BLOCK_STATE = { zero: 2n, present: 6n } as const;
export const MOST_BYTES: number = 64 * 1024 ** 4;

/** Where the parts of the first MiB are (2.2). */
export const PLACE: {
  readonly identifier: number;
  readonly headers: readonly number[];
  readonly regions: readonly number[];
} = { identifier: 0, headers: [64 * KIB, 128 * KIB], regions: [192 * KIB, 256 * KIB] };
export const HEADER_BYTES: number = 4 * KIB;
export const REGION_TABLE_BYTES: number = 64 * KIB;
export const LOG_OFFSET: number = 1024 * KIB;
export const LOG_BYTES: number = 1024 * KIB;
export const METADATA_OFFSET: number = 2 * MIB;
export const METADATA_BYTES: number = 1024 * KIB;
export const TABLE_OFFSET: number = 3 * MIB;

export const IDENTIFIER_SIGNATURE = 'vhdxfile';
export const HEADER_SIGNATURE = 'head';
export const REGION_SIGNATURE = 'regi';
export const METADATA_SIGNATURE = 'metadata';

export const HEADER = {
  checksum: 4,
  sequence: 8,
  fileWriteGuid: 16,
  dataWriteGuid: 32,
  logVersion: 64,
  version: 66,
  logBytes: 68,
  logOffset: 72,
} as const;

export const REGION_TABLE = { checksum: 4, entryCount: 8, entries: 16 } as const;
export const REGION_ENTRY = { guid: 0, offset: 16, bytes: 24, required: 28, length: 32 } as const;
export const REGION_GUID = {
  table: '2dc27766-f623-4200-9d64-115e9bfd4a08',
  metadata: '8b7ca206-4790-4b9a-b8fe-575f050f886e',
} as const;

export const METADATA_TABLE = { entryCount: 10, entries: 32 } as const;
export const METADATA_ENTRY = { guid: 0, offset: 16, bytes: 20, flags: 24, length: 32 } as const;
/** Items begin here, counted from the metadata region. */
export const METADATA_ITEMS: number = 64 * KIB;
export const METADATA_FLAGS = { virtualDisk: 2, required: 4 } as const;
export const METADATA_GUID = {
  fileParameters: 'caa16737-fa36-4d43-b3b6-33f0aa44e76b',
  diskSize: '2fa54224-cd1b-4876-b211-5dbed83bf4b8',
  diskId: 'beca12ab-b2e6-4523-93ef-c309e000c746',
  logicalSector: '8141bf1d-a96f-4709-ba47-f233a8faab5f',
  physicalSector: 'cda348c7-445d-4471-9cc9-e9885251c556',
} as const;
