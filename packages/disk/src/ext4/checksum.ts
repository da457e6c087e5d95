import { CRC32C_SEED, crc32c, crc32cOfUint32 } from '../checksum/crc32c.ts';
import { uuidBytes } from '../uuid.ts';
import { INODE, SB } from './format.ts';

/** The checksums of `metadata_csum`: CRC-32C, seeded with the UUID so that blocks of another file system never pass. */

/** The seed of everything but the superblock. */
export function fileSystemSeed(uuid: string): number {
  return crc32c(CRC32C_SEED, uuidBytes(uuid));
}

/** The seed of what belongs to one inode: its directory blocks, extent blocks and itself. */
export function inodeSeed(seed: number, inode: number, generation = 0): number {
  return crc32cOfUint32(crc32cOfUint32(seed, inode), generation);
}

/** Of a superblock with everything but the checksum in place. */
export function superblockChecksum(superblock: Uint8Array): number {
  return crc32c(CRC32C_SEED, superblock, 0, SB.checksum);
}

/** Of a group descriptor whose checksum is zero. */
export function descriptorChecksum(seed: number, group: number, descriptor: Uint8Array): number {
  return crc32c(crc32cOfUint32(seed, group), descriptor) & 0xffff;
}

/** Of an inode whose checksums are zero; low and high halves stand apart. */
export function inodeChecksum(seed: number, inode: number, bytes: Buffer): number {
  return crc32c(inodeSeed(seed, inode, bytes.readUInt32LE(INODE.generation)), bytes);
}
