import { hash } from 'node:crypto';
import type { VerityAlgorithm } from '@slipway/composefs';
import type { Extent } from '../extent.ts';
import { BLOCK_BYTES } from '../format.ts';
import { verityStartBlock } from '../verity.ts';
import { readExtents } from './extents.ts';
import type { Ext4Inode } from './inode.ts';
import { type Ext4Volume, readBlock, refuse } from './volume.ts';

/** What the disk says a sealed file is; whether its data agree is for whoever reads them to check. */
export interface VeritySeal {
  readonly algorithm: VerityAlgorithm;
  readonly digest: Buffer;
}

const DESCRIPTOR_BYTES = 256;
const ALGORITHMS: readonly (VerityAlgorithm | undefined)[] = [undefined, 'sha256', 'sha512'];

/** Reads the descriptor the way the kernel finds it: in the block of the last extent. */
export async function readVerityDescriptor(volume: Ext4Volume, inode: Ext4Inode): Promise<VeritySeal> {
  let last: Extent | undefined;
  for await (const extent of readExtents(volume, inode)) last = extent;
  if (last === undefined || last.logical + last.blocks <= verityStartBlock(inode.sizeBytes)) damaged(inode);
  const block = await readBlock(volume, last.physical + last.blocks - 1);
  if (block.readUInt32LE(BLOCK_BYTES - 4) !== DESCRIPTOR_BYTES) damaged(inode);
  const descriptor = block.subarray(0, DESCRIPTOR_BYTES);
  const algorithm = ALGORITHMS[descriptor.readUInt8(1)];
  if (descriptor.readUInt8(0) !== 1 || algorithm === undefined) damaged(inode);
  if (descriptor.readBigUInt64LE(8) !== BigInt(inode.sizeBytes)) damaged(inode);
  return { algorithm, digest: hash(algorithm, descriptor, 'buffer') };
}

function damaged(inode: Ext4Inode): never {
  return refuse(`the seal of inode ${inode.number} is damaged`);
}
