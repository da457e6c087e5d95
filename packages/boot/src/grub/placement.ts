/** GRUB where firmware finds it: boot code in the first sector of a disk, core image in a partition of its own, or both on a CD. */
import { SlipwayError } from '@slipway/core';
import { BLOCK_LIST, BOOT_CODE, GRUB_SECTOR_BYTES } from './format.ts';

/** Boot code ends where the disk signature and the partition table begin. */
const BOOT_CODE_BYTES = 440;
/** Of `cdboot.img`, one sector of a disc. */
const CD_BOOT_BYTES = 2048;
const DRIVE_OF_FIRMWARE = 0xff;
/** Two instructions that do nothing, in place of the jump over what follows. */
const NO_JUMP = 0x9090;

/** What to write where. */
export interface PlacedGrub {
  /** The first 440 bytes of the disk. */
  readonly bootCode: Buffer;
  /** From the first sector of the BIOS boot partition on. */
  readonly core: Buffer;
}

/**
 * Makes boot code and core image find each other.
 *
 * @param bootImage `boot.img`
 * @param core as `assembleGrubCore` makes it
 * @param partition the BIOS boot partition; sectors of 512 bytes
 * @throws SlipwayError GRUB_INVALID when it does not fit into the partition
 */
export function placeGrub(
  bootImage: Uint8Array,
  core: Buffer,
  partition: { readonly firstSector: number; readonly sizeBytes: number },
): PlacedGrub {
  if (bootImage.length !== GRUB_SECTOR_BYTES) throw invalid('boot.img is not one sector');
  if (core.length > partition.sizeBytes) {
    throw invalid(`it has ${core.length} bytes and the BIOS boot partition ${partition.sizeBytes}`);
  }
  const bootCode = Buffer.from(bootImage.subarray(0, BOOT_CODE_BYTES));
  bootCode.writeBigUInt64LE(BigInt(partition.firstSector), BOOT_CODE.coreSector);
  bootCode.writeUInt8(DRIVE_OF_FIRMWARE, BOOT_CODE.drive);
  bootCode.writeUInt16LE(NO_JUMP, BOOT_CODE.driveCheck);
  const placed = Buffer.from(core);
  placed.writeBigUInt64LE(BigInt(partition.firstSector + 1), BLOCK_LIST.start);
  return { bootCode, core: placed };
}

/** GRUB for a medium that a BIOS starts as a disc (El Torito without emulation) and as a USB stick. */
export interface GrubMedium {
  /** `cdboot.img` and the core image. The first loads the second by the boot information table it is to be given. */
  readonly image: Buffer;
  /** What the BIOS of a disc loads of it. */
  readonly loadBytes: number;
  readonly hasInfoTable: true;
  /** The image, its core told where on the medium it lies. */
  readonly placed: (imageOffsetBytes: number) => Buffer;
  /** The first 440 bytes of the medium: how a BIOS starts it as a disk. */
  readonly bootCode: (imageOffsetBytes: number) => Buffer;
}

/**
 * Makes the boot image of a medium. GRUB finds partitions on a disc, too, so that it needs no other core image there than on a disk.
 *
 * @param bootImage `boot.img`
 * @param cdImage `cdboot.img`
 * @param core as `assembleGrubCore` makes it
 * @throws SlipwayError GRUB_INVALID when the files are not those of GRUB
 */
export function grubMedium(bootImage: Uint8Array, cdImage: Uint8Array, core: Buffer): GrubMedium {
  if (cdImage.length !== CD_BOOT_BYTES) throw invalid(`cdboot.img has ${cdImage.length} bytes`);
  const image = Buffer.concat([cdImage, core]);
  const place = (imageOffsetBytes: number): PlacedGrub =>
    placeGrub(bootImage, core, {
      firstSector: (imageOffsetBytes + CD_BOOT_BYTES) / GRUB_SECTOR_BYTES,
      sizeBytes: core.length,
    });
  // Before anything is laid out around it.
  place(0);
  return {
    image,
    loadBytes: CD_BOOT_BYTES,
    hasInfoTable: true,
    placed: (imageOffsetBytes) => Buffer.concat([cdImage, place(imageOffsetBytes).core]),
    bootCode: (imageOffsetBytes) => place(imageOffsetBytes).bootCode,
  };
}

function invalid(why: string): SlipwayError {
  return new SlipwayError('GRUB_INVALID', `cannot place GRUB on the disk: ${why}`);
}
