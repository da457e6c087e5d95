import { BLOCK_BYTES } from './format.ts';

/** An empty journal (jbd2, kernel: include/linux/jbd2.h): one superblock, big-endian, that says there is nothing to replay. */

const MAGIC = 0xc03b3998;
const SUPERBLOCK_V2 = 4;
const FIELD = { magic: 0, type: 4, blockBytes: 12, blocks: 16, first: 20, sequence: 24, users: 64 } as const;

const MIB_BLOCKS: number = (1024 * 1024) / BLOCK_BYTES;
/** Journal sizes by file system size, as mke2fs has them; below the first there is none. */
const SIZES: readonly { readonly fromBlocks: number; readonly blocks: number }[] = [
  { fromBlocks: 16_384 * MIB_BLOCKS * 8, blocks: 1024 * MIB_BLOCKS },
  { fromBlocks: 16_384 * MIB_BLOCKS * 4, blocks: 512 * MIB_BLOCKS },
  { fromBlocks: 16_384 * MIB_BLOCKS * 2, blocks: 256 * MIB_BLOCKS },
  { fromBlocks: 16_384 * MIB_BLOCKS, blocks: 128 * MIB_BLOCKS },
  { fromBlocks: 2048 * MIB_BLOCKS, blocks: 64 * MIB_BLOCKS },
  { fromBlocks: 1024 * MIB_BLOCKS, blocks: 32 * MIB_BLOCKS },
  { fromBlocks: 128 * MIB_BLOCKS, blocks: 16 * MIB_BLOCKS },
  { fromBlocks: 8 * MIB_BLOCKS, blocks: 4 * MIB_BLOCKS },
];

/** Blocks of the journal of a file system of this many blocks. */
export function journalBlocks(blocks: number): number {
  return SIZES.find(({ fromBlocks }) => blocks >= fromBlocks)?.blocks ?? 0;
}

/** The first block of a journal; the others read as zeros. */
export function encodeJournalSuperblock(blocks: number): Buffer {
  const bytes = Buffer.alloc(BLOCK_BYTES);
  bytes.writeUInt32BE(MAGIC, FIELD.magic);
  bytes.writeUInt32BE(SUPERBLOCK_V2, FIELD.type);
  bytes.writeUInt32BE(BLOCK_BYTES, FIELD.blockBytes);
  bytes.writeUInt32BE(blocks, FIELD.blocks);
  bytes.writeUInt32BE(1, FIELD.first);
  bytes.writeUInt32BE(1, FIELD.sequence);
  bytes.writeUInt32BE(1, FIELD.users);
  return bytes;
}
