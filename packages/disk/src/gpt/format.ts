/** The GUID partition table, UEFI specification 2.10 section 5.3, with 512-byte sectors. */

export const SECTOR_BYTES = 512;
/** Partitions start at multiples of this, as every partitioning tool of today does. */
export const ALIGNMENT_BYTES: number = 1024 * 1024;

export const HEADER_SIGNATURE = 'EFI PART';
export const HEADER_REVISION = 0x00010000;
export const HEADER_BYTES = 92;
export const ENTRY_BYTES = 128;
export const ENTRY_COUNT = 128;
export const ENTRIES_BYTES: number = ENTRY_BYTES * ENTRY_COUNT;
export const LABEL_CODE_UNITS = 36;

/** Offsets of the header's fields. */
export const HEADER = {
  signature: 0,
  revision: 8,
  headerBytes: 12,
  /** CRC-32 of the header with this field zero. */
  headerCrc: 16,
  ownLba: 24,
  otherLba: 32,
  firstUsableLba: 40,
  lastUsableLba: 48,
  diskGuid: 56,
  entriesLba: 72,
  entryCount: 80,
  entryBytes: 84,
  entriesCrc: 88,
} as const;

/** Offsets of an entry's fields. */
export const ENTRY = { type: 0, uuid: 16, firstLba: 32, lastLba: 40, attributes: 48, label: 56 } as const;

/** Sectors before the first partition may start: protective MBR, header, entries. */
export const FIRST_USABLE_LBA: number = 2 + ENTRIES_BYTES / SECTOR_BYTES;
/** Sectors at the end: entries, header. */
export const BACKUP_SECTORS: number = 1 + ENTRIES_BYTES / SECTOR_BYTES;

/** Type GUIDs, most of them from the Discoverable Partitions Specification. */
export const PARTITION_TYPES = {
  esp: 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b',
  biosBoot: '21686148-6449-6e6f-744e-656564454649',
  extendedBoot: 'bc13c2ff-59e6-4262-a352-b275fd6f7172',
  rootX64: '4f68bce3-e8cd-4db1-96e7-fbcaf984b709',
  rootArm64: 'b921b045-1df0-41c3-af44-4c6f280d3fae',
  variableData: '4d21b016-b534-45c2-a9fb-5c16e091fd2d',
  swap: '0657fd6d-a4ab-43c4-84e5-0933c84b4f4f',
  linuxData: '0fc63daf-8483-4772-8e79-3d69d8477de4',
} as const;

/** Attribute bits, of the UEFI and of the Discoverable Partitions Specification. */
export const PARTITION_ATTRIBUTES: {
  readonly platformRequired: bigint;
  readonly legacyBiosBootable: bigint;
  readonly growFileSystem: bigint;
  readonly readOnly: bigint;
  readonly noAuto: bigint;
} = {
  platformRequired: 1n << 0n,
  legacyBiosBootable: 1n << 2n,
  growFileSystem: 1n << 59n,
  readOnly: 1n << 60n,
  noAuto: 1n << 63n,
};

/** Offsets in the master boot record. */
export const MBR = { diskSignature: 440, partitions: 446, signature: 510 } as const;
/** Boot code ends where the disk signature begins. */
export const BOOT_CODE_BYTES = 440;
export const MBR_TYPE_PROTECTIVE = 0xee;
