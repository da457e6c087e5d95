import { roundUp, SlipwayError } from '@slipway/core';
import { ALIGNMENT_BYTES, BACKUP_SECTORS, SECTOR_BYTES as DISK_SECTOR_BYTES } from '../gpt/format.ts';
import { type BiosBoot, type EfiBoot, loadSectors } from './boot-catalog.ts';
import { CATALOG_SECTOR_BYTES, PRIMARY_SECTOR, SECTOR_BYTES, VOLUME_ID_BYTES } from './format.ts';
import { type PlannedDirectory, type PlannedFile, planTree } from './plan-tree.ts';
import type { IsoDirectory } from './tree.ts';

/** What a medium is to be. */
export interface IsoOptions {
  /** Capital letters, digits and `_`, 32 at most: the label. */
  readonly volumeId: string;
  /** Seconds since 1970: when the medium says it was made. */
  readonly timeSec: number;
  /** What UEFI starts, from a disc and from a USB stick alike. */
  readonly efi?: EfiBoot;
  /** What a BIOS starts. */
  readonly bios?: BiosBoot;
}

/** A place in whole sectors. */
export interface SectorRange {
  readonly sector: number;
  readonly sectors: number;
}

/** Everything about a medium except the bytes of its files. */
export interface IsoPlan {
  readonly sizeBytes: number;
  readonly options: IsoOptions;
  readonly directories: readonly PlannedDirectory[];
  readonly files: readonly PlannedFile[];
  readonly pathTableBytes: number;
  readonly pathTableL: SectorRange;
  readonly pathTableM: SectorRange;
  readonly fieldAreas: SectorRange;
  /** Absent where nothing boots from the medium. */
  readonly catalog: SectorRange | undefined;
  readonly biosImage: SectorRange | undefined;
  /** The boot partition; the same bytes are the boot image of the catalog. */
  readonly efiImage: SectorRange | undefined;
  /** Where the part with files ends. */
  readonly endSector: number;
}

const VOLUME_ID = /^[A-Z0-9_]+$/;
/** Sectors are numbered with 32 bits. */
const MOST_SECTORS = 2 ** 32 - 1;

/**
 * Lays a tree out as a medium: descriptors, path tables, directories, boot catalog, files, and, last, the boot partition. Nothing is
 * read and nothing written.
 *
 * @throws SlipwayError DISK_NAME_INVALID, DISK_TREE_INVALID for what has no place on such a medium, DISK_INVALID for boot images
 *   that cannot be started
 */
export function planIso(tree: IsoDirectory, options: IsoOptions): IsoPlan {
  checkOptions(options);
  const { directories, files, fieldSectors, pathTableBytes } = planTree(tree);
  const boots = options.efi !== undefined || options.bios !== undefined;
  let next = PRIMARY_SECTOR + (boots ? 3 : 2);
  const take = (sectors: number): SectorRange => {
    const sector = next;
    next += sectors;
    return { sector, sectors };
  };
  const pathTableL = take(Math.ceil(pathTableBytes / SECTOR_BYTES));
  const pathTableM = take(pathTableL.sectors);
  for (const directory of directories) directory.sector = take(directory.sizeBytes / SECTOR_BYTES).sector;
  const fieldAreas = take(fieldSectors);
  const catalog = boots ? take(1) : undefined;
  const { bios, efi } = options;
  const biosImage = bios === undefined ? undefined : take(Math.ceil(bios.image.length / SECTOR_BYTES));
  for (const file of files) file.sector = take(Math.ceil(file.node.sizeBytes / SECTOR_BYTES)).sector;
  const endSector = next;
  if (efi !== undefined) next = roundUp(next * SECTOR_BYTES, ALIGNMENT_BYTES) / SECTOR_BYTES;
  const efiImage = efi === undefined ? undefined : take(Math.ceil(efi.sizeBytes / SECTOR_BYTES));
  if (efi !== undefined) take(Math.ceil((BACKUP_SECTORS * DISK_SECTOR_BYTES) / SECTOR_BYTES));
  if (next > MOST_SECTORS)
    throw new SlipwayError('DISK_TREE_INVALID', 'cannot make a medium: it is too large');
  return {
    sizeBytes: next * SECTOR_BYTES,
    options,
    directories,
    files,
    pathTableBytes,
    pathTableL,
    pathTableM,
    fieldAreas,
    catalog,
    biosImage,
    efiImage,
    endSector,
  };
}

function checkOptions({ volumeId, efi, bios }: IsoOptions): void {
  if (!VOLUME_ID.test(volumeId) || volumeId.length > VOLUME_ID_BYTES) {
    throw new SlipwayError(
      'DISK_NAME_INVALID',
      `cannot name a medium ${JSON.stringify(volumeId)}: a label is 1 to ${VOLUME_ID_BYTES} capital letters, digits and _`,
    );
  }
  if (efi !== undefined && (efi.sizeBytes <= 0 || efi.sizeBytes % SECTOR_BYTES !== 0)) {
    throw new SlipwayError('DISK_INVALID', `cannot boot from a partition of ${efi.sizeBytes} bytes`);
  }
  if (bios !== undefined) checkBios(bios);
}

function checkBios({ image }: BiosBoot): void {
  if (image.length < CATALOG_SECTOR_BYTES || loadSectors(image.length) === 0) {
    throw new SlipwayError('DISK_INVALID', `cannot boot a BIOS from an image of ${image.length} bytes`);
  }
}
