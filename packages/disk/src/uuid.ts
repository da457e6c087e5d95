import { createHash } from 'node:crypto';
import { SlipwayError } from '@slipway/core';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * The UUID that belongs to `purpose` on a disk grown from `seed`: the same two texts give the same UUID for ever.
 *
 * It is the start of their SHA-256, marked as version 4 (what every tool expects of a disk), RFC 9562.
 */
export function deriveUuid(seed: string, purpose: string): string {
  const bytes = createHash('sha256').update(seed).update('\0').update(purpose).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return formatUuid(bytes);
}

/**
 * The 16 bytes of a UUID in the order they are written (file systems).
 *
 * @throws SlipwayError DISK_INVALID when it is not one
 */
export function uuidBytes(uuid: string): Buffer {
  if (!UUID.test(uuid)) throw new SlipwayError('DISK_INVALID', `cannot use ${uuid}: not a UUID`);
  return Buffer.from(uuid.replaceAll('-', ''), 'hex');
}

/** The text of 16 bytes in written order. */
export function formatUuid(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** The 16 bytes of a GUID as partition tables hold it: the first three groups little-endian. */
export function guidBytes(guid: string): Buffer {
  return swapGroups(uuidBytes(guid));
}

/** The text of a GUID as partition tables hold it. */
export function formatGuid(bytes: Uint8Array): string {
  return formatUuid(swapGroups(Buffer.from(bytes)));
}

function swapGroups(bytes: Buffer): Buffer {
  bytes.subarray(0, 4).reverse();
  bytes.subarray(4, 6).reverse();
  bytes.subarray(6, 8).reverse();
  return bytes;
}
