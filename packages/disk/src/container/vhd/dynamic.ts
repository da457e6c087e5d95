import { roundUp } from '@slipway/core';
import { openPartialFile } from '../../device/partial-file.ts';
import type { DiskTarget } from '../../device/writer.ts';
import { blockStream, checkDiskSize } from '../blocks.ts';
import type { ContainerIdentity } from '../identity.ts';
import { SequentialFile } from '../sequential-file.ts';
import { checksumOf, encodeFooter } from './footer.ts';
import {
  BITMAP_BYTES,
  BLOCK_BYTES,
  DYNAMIC_COOKIE,
  DYNAMIC_HEADER,
  DYNAMIC_HEADER_BYTES,
  FOOTER_BYTES,
  MOST_BYTES,
  NOT_PRESENT,
  SECTOR_BYTES,
  TABLE_OFFSET,
} from './format.ts';

const ENTRY_BYTES = 4;
const VERSION = 0x00010000;
/** Every sector of a block counts. */
const BITMAP = Buffer.alloc(BITMAP_BYTES, 0xff);

/**
 * Opens a dynamic VHD of a disk of `sizeBytes` for writing, for Hyper-V of the first generation, XenServer and VirtualBox. It is
 * written once; blocks of zeros take no room. Table and header come last: a cut-off file is none.
 *
 * @throws SlipwayError DISK_NO_SPACE, IO_FAILED; DISK_INVALID when the size is not whole sectors or above 2040 GiB
 */
export async function openDynamicVhdTarget(
  path: string,
  sizeBytes: number,
  identity: ContainerIdentity,
): Promise<DiskTarget> {
  checkDiskSize(sizeBytes, SECTOR_BYTES, MOST_BYTES, 'a dynamic VHD');
  const entries = Math.ceil(sizeBytes / BLOCK_BYTES);
  const table = Buffer.alloc(roundUp(entries * ENTRY_BYTES, SECTOR_BYTES), NOT_PRESENT & 0xff);
  const file = new SequentialFile(await openPartialFile(path), TABLE_OFFSET + table.length);
  const blocks = blockStream({
    sizeBytes,
    blockBytes: BLOCK_BYTES,
    async place(index, block) {
      table.writeUInt32BE(file.lengthBytes / SECTOR_BYTES, index * ENTRY_BYTES);
      await file.append(BITMAP);
      await file.append(block);
    },
  });
  const footer = encodeFooter('dynamic', sizeBytes, identity, FOOTER_BYTES);
  return {
    sizeBytes,
    write: (offsetBytes, bytes) => blocks.write(offsetBytes, bytes),
    async finish() {
      await blocks.end();
      await file.append(footer);
      await file.finish(Buffer.concat([footer, encodeDynamicHeader(entries), table]));
    },
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  };
}

function encodeDynamicHeader(entries: number): Buffer {
  const header = Buffer.alloc(DYNAMIC_HEADER_BYTES);
  header.write(DYNAMIC_COOKIE, DYNAMIC_HEADER.cookie, 'latin1');
  header.writeBigUInt64BE(0xffff_ffff_ffff_ffffn, DYNAMIC_HEADER.dataOffset);
  header.writeBigUInt64BE(BigInt(TABLE_OFFSET), DYNAMIC_HEADER.tableOffset);
  header.writeUInt32BE(VERSION, DYNAMIC_HEADER.version);
  header.writeUInt32BE(entries, DYNAMIC_HEADER.tableEntries);
  header.writeUInt32BE(BLOCK_BYTES, DYNAMIC_HEADER.blockBytes);
  header.writeUInt32BE(checksumOf(header), DYNAMIC_HEADER.checksum);
  return header;
}
