import { deriveUuid, uuidBytes } from '../../uuid.ts';
import type { ContainerIdentity } from '../identity.ts';
import { DISK_TYPE, EPOCH_SEC, FOOTER, FOOTER_BYTES, FOOTER_COOKIE, SECTOR_BYTES } from './format.ts';

/** `features`: the bit that is always set. */
const FEATURES = 2;
const VERSION = 0x00010000;
/** No further header. */
const NO_OFFSET = 0xffff_ffff_ffff_ffffn;

/** The footer that makes a file a VHD. `dataOffset` is where the header of a dynamic disk stands. */
export function encodeFooter(
  type: keyof typeof DISK_TYPE,
  sizeBytes: number,
  identity: ContainerIdentity,
  dataOffset?: number,
): Buffer {
  const footer = Buffer.alloc(FOOTER_BYTES);
  footer.write(FOOTER_COOKIE, FOOTER.cookie, 'latin1');
  footer.writeUInt32BE(FEATURES, FOOTER.features);
  footer.writeUInt32BE(VERSION, FOOTER.version);
  footer.writeBigUInt64BE(dataOffset === undefined ? NO_OFFSET : BigInt(dataOffset), FOOTER.dataOffset);
  footer.writeUInt32BE(Math.min(Math.max(identity.timeSec - EPOCH_SEC, 0), 0xffffffff), FOOTER.timestamp);
  // By this readers decide which size counts: with it the one in bytes, with most others that of the geometry.
  footer.write('win ', FOOTER.creatorApplication, 'latin1');
  footer.writeUInt32BE(0x000a0000, FOOTER.creatorVersion);
  footer.write('Wi2k', FOOTER.creatorSystem, 'latin1');
  footer.writeBigUInt64BE(BigInt(sizeBytes), FOOTER.originalSize);
  footer.writeBigUInt64BE(BigInt(sizeBytes), FOOTER.currentSize);
  const { cylinders, heads, sectorsPerTrack } = geometryOf(sizeBytes / SECTOR_BYTES);
  footer.writeUInt16BE(cylinders, FOOTER.cylinders);
  footer.writeUInt8(heads, FOOTER.heads);
  footer.writeUInt8(sectorsPerTrack, FOOTER.sectorsPerTrack);
  footer.writeUInt32BE(DISK_TYPE[type], FOOTER.diskType);
  footer.set(uuidBytes(deriveUuid(identity.seed, 'vhd')), FOOTER.uuid);
  footer.writeUInt32BE(checksumOf(footer), FOOTER.checksum);
  return footer;
}

/** The complement of the sum of all bytes, with the field itself zero. */
export function checksumOf(bytes: Uint8Array): number {
  return ~bytes.reduce((sum, byte) => sum + byte, 0) >>> 0;
}

interface Geometry {
  readonly cylinders: number;
  readonly heads: number;
  readonly sectorsPerTrack: number;
}

/** The geometry for a number of sectors, as the appendix of the specification computes it. */
function geometryOf(wanted: number): Geometry {
  const sectors = Math.min(wanted, 65535 * 16 * 255);
  if (sectors >= 65535 * 16 * 63) return geometry(sectors, 16, 255);
  const first = Math.floor(sectors / 17);
  const heads = Math.max(4, Math.floor((first + 1023) / 1024));
  if (first < heads * 1024 && heads <= 16) return geometry(sectors, heads, 17);
  if (Math.floor(sectors / 31) < 16 * 1024) return geometry(sectors, 16, 31);
  return geometry(sectors, 16, 63);
}

function geometry(sectors: number, heads: number, sectorsPerTrack: number): Geometry {
  return { cylinders: Math.floor(Math.floor(sectors / sectorsPerTrack) / heads), heads, sectorsPerTrack };
}
