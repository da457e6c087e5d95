/**
 * GRUB for BIOS (`i386-pc`) as it lies on a disk and in memory. What is written down nowhere but in GRUB's headers: `include/grub/
 * i386/pc/boot.h`, `kernel.h`, `include/grub/offsets.h`, `include/grub/kernel.h`.
 */

export const GRUB_SECTOR_BYTES = 512;

/** `boot.img`, the boot code of the first sector. */
export const BOOT_CODE = {
  /** Where the first sector of the core image lies, LBA, 64 bits. */
  coreSector: 0x5c,
  /** The BIOS drive to read from; 0xff: the one the firmware booted from. */
  drive: 0x64,
  /** A jump over the correction of firmware that names a floppy when it booted a disk. */
  driveCheck: 0x66,
} as const;

/** `diskboot.img`, the first sector of the core image: its last entry says where the others lie. */
export const BLOCK_LIST = {
  /** LBA of the second sector of the core image, 64 bits. */
  start: 500,
  /** Sectors, 16 bits. */
  count: 508,
  /** Segment they are loaded to, 16 bits. */
  segment: 510,
} as const;
/** 0x8000 plus one sector. */
export const CORE_SEGMENT = 0x820;

/** `lzma_decompress.img`, which runs first of all that is loaded. */
export const DECOMPRESSOR = {
  /** Of the packed kernel and modules, 32 bits. */
  packedBytes: 0x08,
  unpackedBytes: 0x0c,
} as const;
/** Room between where the decompressor is loaded and where the kernel is linked to. */
export const DECOMPRESSOR_MOST_BYTES: number = 0x9000 - 0x8200;

/** Where the kernel is linked to. */
export const KERNEL_ADDRESS = 0x9000;
/** What is loaded ends below this: above lies what belongs to the firmware. */
export const LOW_MEMORY_END = 0x78000;
/** Unpacked at 1 MiB; more than this is no boot loader. */
export const UNPACKED_MOST_BYTES: number = 4 * 1024 * 1024;

/** What follows the kernel: this, then objects. */
export const MODULE_INFO = { bytes: 12, magic: 0, offset: 4, size: 8 } as const;
export const MODULE_MAGIC = 0x676d696d;

/** Before each object. */
export const MODULE_HEADER = { bytes: 8, type: 0, size: 4 } as const;
export const OBJECT_TYPES = { module: 0, memdisk: 1, config: 2, prefix: 3 } as const;
/** Objects are whole multiples of this. */
export const OBJECT_ALIGNMENT = 4;

/** The environment block: this line, `name=value` lines, then `#` to the end. */
export const ENVIRONMENT_BYTES = 1024;
export const ENVIRONMENT_HEADER = '# GRUB Environment Block\n';

/** GRUB's files on a boot partition, from its root. */
export const GRUB_PATHS = {
  /** Written when the disk is made, never again. */
  configuration: 'grub/grub.cfg',
  menu: 'grub/entries.cfg',
  /** The menu before. */
  oldMenu: 'grub/entries.old.cfg',
  environment: 'grub/grubenv',
} as const;
