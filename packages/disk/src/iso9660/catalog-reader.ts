import {
  BOOTABLE,
  CATALOG_ENTRY_BYTES,
  CATALOG_SECTOR_BYTES,
  HEADER_ID,
  PLATFORM,
  SECTOR_BYTES,
} from './format.ts';
import { refuse } from './refuse.ts';

/** Something firmware may start. */
export interface BootImage {
  readonly platform: 'bios' | 'efi' | 'other';
  readonly isBootable: boolean;
  readonly offsetBytes: number;
  /** What is loaded; `undefined` for "to the end of the medium". */
  readonly loadBytes: number | undefined;
}

/** Decodes a boot catalog of one sector. @throws SlipwayError DISK_INVALID */
export function readCatalog(catalog: Buffer, mediumBytes: number): readonly BootImage[] {
  if (catalog.readUInt8(0) !== HEADER_ID.validation || catalog.readUInt16LE(30) !== 0xaa55) {
    refuse('its boot catalog is damaged');
  }
  let sum = 0;
  for (let at = 0; at < CATALOG_ENTRY_BYTES; at += 2) sum += catalog.readUInt16LE(at);
  if ((sum & 0xffff) !== 0) refuse('the checksum of its boot catalog is wrong');
  const images = [entryAt(catalog, CATALOG_ENTRY_BYTES, catalog.readUInt8(1), mediumBytes)];
  let at = 2 * CATALOG_ENTRY_BYTES;
  while (at + CATALOG_ENTRY_BYTES <= catalog.length) {
    const header = catalog.readUInt8(at);
    if (header !== HEADER_ID.more && header !== HEADER_ID.last) break;
    const platform = catalog.readUInt8(at + 1);
    const count = catalog.readUInt16LE(at + 2);
    at += CATALOG_ENTRY_BYTES;
    for (let index = 0; index < count && at + CATALOG_ENTRY_BYTES <= catalog.length; index += 1) {
      images.push(entryAt(catalog, at, platform, mediumBytes));
      at += CATALOG_ENTRY_BYTES;
    }
    if (header === HEADER_ID.last) break;
  }
  return images;
}

function entryAt(catalog: Buffer, at: number, platform: number, mediumBytes: number): BootImage {
  const sectors = catalog.readUInt16LE(at + 6);
  const offsetBytes = catalog.readUInt32LE(at + 8) * SECTOR_BYTES;
  if (offsetBytes > mediumBytes) refuse('a boot image is past the end of the medium');
  return {
    platform: platform === PLATFORM.bios ? 'bios' : platform === PLATFORM.efi ? 'efi' : 'other',
    isBootable: catalog.readUInt8(at) === BOOTABLE,
    offsetBytes,
    loadBytes: sectors === 0 ? undefined : sectors * CATALOG_SECTOR_BYTES,
  };
}
