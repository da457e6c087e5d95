import { roundUp } from '@slipway/core';
import { openPartialFile } from '../../device/partial-file.ts';
import type { DiskTarget } from '../../device/writer.ts';
import { blockStream, checkDiskSize } from '../blocks.ts';
import type { ContainerIdentity } from '../identity.ts';
import { SequentialFile } from '../sequential-file.ts';
import {
  BLOCK_BYTES,
  BLOCK_STATE,
  CHUNK_RATIO,
  ENTRY_BYTES,
  MIB,
  MOST_BYTES,
  SECTOR_BYTES,
  TABLE_OFFSET,
} from './format.ts';
import { encodeFront } from './front.ts';

/**
 * Opens a dynamic VHDX of a disk of `sizeBytes` for writing, for Hyper-V. It is written once; blocks of zeros take no room.
 * Everything at the front comes last: a cut-off file is none.
 *
 * @throws SlipwayError DISK_NO_SPACE, IO_FAILED; DISK_INVALID when the size is not whole sectors or above 64 TiB
 */
export async function openVhdxTarget(
  path: string,
  sizeBytes: number,
  identity: ContainerIdentity,
): Promise<DiskTarget> {
  checkDiskSize(sizeBytes, SECTOR_BYTES, MOST_BYTES, 'VHDX');
  const table = emptyTable(Math.ceil(sizeBytes / BLOCK_BYTES));
  const file = new SequentialFile(await openPartialFile(path), TABLE_OFFSET + table.length);
  const blocks = blockStream({
    sizeBytes,
    blockBytes: BLOCK_BYTES,
    async place(index, block) {
      // The offset stands above bit 20: in MiB, as it happens in bytes.
      table.writeBigUInt64LE(BigInt(file.lengthBytes) | BLOCK_STATE.present, entryAt(index));
      await file.append(block);
    },
  });
  return {
    sizeBytes,
    write: (offsetBytes, bytes) => blocks.write(offsetBytes, bytes),
    async finish() {
      await blocks.end();
      await file.finish(Buffer.concat([encodeFront(sizeBytes, table.length, identity), table]));
    },
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  };
}

/** A block allocation table of zeros only, in whole MiB. */
function emptyTable(blocks: number): Buffer {
  const table = Buffer.alloc(roundUp(entryAt(blocks - 1) + ENTRY_BYTES, MIB));
  for (let index = 0; index < blocks; index += 1) table.writeBigUInt64LE(BLOCK_STATE.zero, entryAt(index));
  return table;
}

/** After each chunk stands an entry for a sector bitmap, which only disks with a parent have. */
function entryAt(block: number): number {
  return (block + Math.floor(block / CHUNK_RATIO)) * ENTRY_BYTES;
}
