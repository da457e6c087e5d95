/** The master boot record of a disk with a GPT: protective (UEFI 2.10, 5.2.3), or hybrid for firmware that knows no other table. */
import { SlipwayError } from '@slipway/core';
import { BOOT_CODE_BYTES, MBR, MBR_TYPE_PROTECTIVE, SECTOR_BYTES } from './format.ts';
import type { GptLayout, Partition } from './layout.ts';

/** A partition that is also in the master boot record. */
export interface HybridPartition {
  /** UUID of it in the GPT. */
  readonly uuid: string;
  /** Type byte: 0xef for an ESP, 0x0c for FAT32, 0x83 for Linux. */
  readonly type: number;
  /** Marked as the one to boot from; at most one is. */
  readonly isActive?: boolean;
}

/** What a master boot record holds besides what protects the GPT. */
export interface MbrContents {
  /** At most 440 bytes. */
  readonly bootCode?: Uint8Array | undefined;
  /** At most three; none makes a protective record. */
  readonly hybrid?: readonly HybridPartition[] | undefined;
}

/** One entry is the protective one. */
const MOST_HYBRID = 3;
const ENTRY_BYTES = 16;
const MOST_SECTORS = 0xffffffff;
/** Cylinder, head and sector of what those cannot say. */
const BEYOND_CHS = [0xff, 0xff, 0xff];
const FIRST_CHS = [0x00, 0x02, 0x00];

/**
 * The first sector of a disk.
 *
 * The protective entry of a hybrid record ends where the first partition of the record begins, as entries must not overlap.
 *
 * @throws SlipwayError DISK_INVALID for boot code that is too long, and for partitions no such record can hold
 */
export function encodeMbr(layout: GptLayout, { bootCode, hybrid = [] }: MbrContents): Buffer {
  const code = bootCode ?? new Uint8Array();
  if (code.length > BOOT_CODE_BYTES) refuse(`${code.length} bytes of boot code: ${BOOT_CODE_BYTES} fit`);
  const partitions = hybridPartitions(layout, hybrid);
  const firstLba = Math.min(...partitions.map(({ place }) => place.offsetBytes / SECTOR_BYTES));
  const protectedSectors = Math.min(layout.sizeBytes / SECTOR_BYTES - 1, MOST_SECTORS, firstLba - 1);
  const sector = Buffer.alloc(SECTOR_BYTES);
  sector.set(code);
  sector.set(encodeEntry(MBR_TYPE_PROTECTIVE, 1, protectedSectors, FIRST_CHS), MBR.partitions);
  partitions.forEach(({ place, type, isActive }, index) => {
    const entry = encodeEntry(
      type,
      place.offsetBytes / SECTOR_BYTES,
      place.sizeBytes / SECTOR_BYTES,
      BEYOND_CHS,
    );
    if (isActive === true) entry.writeUInt8(0x80, 0);
    sector.set(entry, MBR.partitions + (index + 1) * ENTRY_BYTES);
  });
  sector.writeUInt16LE(0xaa55, MBR.signature);
  return sector;
}

function hybridPartitions(
  layout: GptLayout,
  hybrid: readonly HybridPartition[],
): readonly (HybridPartition & { readonly place: Partition })[] {
  if (hybrid.length > MOST_HYBRID)
    refuse(`${hybrid.length} partitions in a hybrid record: it holds ${MOST_HYBRID}`);
  if (hybrid.filter(({ isActive }) => isActive === true).length > 1) refuse('two active partitions');
  const seen = new Set<string>();
  return hybrid.map((partition) => {
    const uuid = partition.uuid.toLowerCase();
    const place = layout.partitions.find((each) => each.uuid === uuid);
    if (place === undefined || seen.has(uuid))
      return refuse(`${uuid} in a hybrid record: it is no partition, or there twice`);
    seen.add(uuid);
    if (!(partition.type > 0 && partition.type <= 0xff) || partition.type === MBR_TYPE_PROTECTIVE) {
      refuse(`the type ${partition.type} in a hybrid record`);
    }
    if ((place.offsetBytes + place.sizeBytes) / SECTOR_BYTES > MOST_SECTORS) {
      refuse(`partition ${place.number} in a hybrid record: it ends past 2 TiB`);
    }
    return { ...partition, place };
  });
}

function encodeEntry(type: number, firstLba: number, sectors: number, firstChs: readonly number[]): Buffer {
  const entry = Buffer.alloc(ENTRY_BYTES);
  entry.set([0, ...firstChs, type, ...BEYOND_CHS]);
  entry.writeUInt32LE(firstLba, 8);
  entry.writeUInt32LE(sectors, 12);
  return entry;
}

function refuse(why: string): never {
  throw new SlipwayError('DISK_INVALID', `cannot use ${why}`);
}
