/**
 * ISO 9660 (ECMA-119, third edition) at interchange level 3, with the Rock Ridge fields of POSIX (IEEE P1282 1.12, carried by the System
 * Use Sharing Protocol 1.12) and the boot catalog of El Torito 1.0.
 */

export const SECTOR_BYTES = 2048;
/** Sectors nobody but boot code and partition tables uses (ECMA-119 6.2.1). */
export const SYSTEM_AREA_SECTORS = 16;
export const PRIMARY_SECTOR = 16;
/** El Torito 2.0 names this one. */
export const BOOT_RECORD_SECTOR = 17;

export const STANDARD_ID = 'CD001';
export const DESCRIPTOR_TYPE = { boot: 0, primary: 1, terminator: 255 } as const;
export const EL_TORITO_ID = 'EL TORITO SPECIFICATION';

/** Offsets in a primary volume descriptor (8.4). Numbers stand in both byte orders, little-endian first. */
export const PRIMARY = {
  type: 0,
  standardId: 1,
  version: 6,
  systemId: 8,
  volumeId: 40,
  volumeSectors: 80,
  setSize: 120,
  sequence: 124,
  sectorBytes: 128,
  pathTableBytes: 132,
  pathTableL: 140,
  pathTableM: 148,
  rootRecord: 156,
  volumeSetId: 190,
  publisher: 318,
  preparer: 446,
  application: 574,
  copyright: 702,
  created: 813,
  modified: 830,
  expires: 847,
  effective: 864,
  structureVersion: 881,
} as const;
export const VOLUME_ID_BYTES = 32;
/** From the name of the volume set to the end of the names of files. */
export const TEXT_END = 813;

/** Offsets in a directory record (9.1). */
export const RECORD = {
  length: 0,
  extent: 2,
  dataBytes: 10,
  time: 18,
  flags: 25,
  sequence: 28,
  nameBytes: 32,
  name: 33,
} as const;
export const RECORD_FLAG = { hidden: 1, directory: 2, more: 0x80 } as const;
export const MOST_RECORD_BYTES = 255;
export const ROOT_RECORD_BYTES = 34;

/** Names of files have at most so many characters, the dot and the version beside them (7.5.1, 10.2). */
export const MOST_IDENTIFIER = 30;
/** The root is the first level (6.8.2.1). */
export const MOST_LEVELS = 8;
/** A path table numbers the parent of a directory with 16 bits (9.4.4). */
export const MOST_DIRECTORIES = 65_535;
/** The largest part of a file one directory record describes, in whole sectors. */
export const MOST_EXTENT_BYTES: number = 2 ** 32 - SECTOR_BYTES;

export const MOST_NAME_BYTES = 255;

/** A field of the System Use Sharing Protocol begins with its name, its length and its version. */
export const FIELD_HEADER_BYTES = 4;
export const FIELD_VERSION = 1;
export const FIELD_BYTES = { CE: 28, PX: 44, PN: 20, SP: 7, TF: 12 } as const;
/** Bytes of field SP that say it is one. */
export const SP_CHECK = 0xbeef;
export const ROCK_RIDGE_ID = 'IEEE_1282';
/** Bit of field TF: it has the time of the last change. */
export const TF_MODIFY = 2;
export const TF_LONG = 0x80;
/** Bit of fields NM and SL, and of a component of SL: the next one goes on where this ends. */
export const GOES_ON = 1;
export const SL_CURRENT = 2;
export const SL_PARENT = 4;
export const SL_ROOT = 8;

/** Bytes of an entry of the boot catalog, and of a sector as its counts mean it. */
export const CATALOG_ENTRY_BYTES = 32;
export const CATALOG_SECTOR_BYTES = 512;
export const CATALOG_POINTER = 0x47;
export const PLATFORM = { bios: 0, efi: 0xef } as const;
export const BOOTABLE = 0x88;
export const HEADER_ID = { validation: 1, more: 0x90, last: 0x91 } as const;
