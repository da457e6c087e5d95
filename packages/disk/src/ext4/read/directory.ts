import { crc32c } from '../../checksum/crc32c.ts';
import { BLOCK_BYTES, DIRECTORY_TAIL_BYTES, DIRENT, ENTRY_TYPE_CHECKSUM } from '../format.ts';
import { dataRanges } from './content.ts';
import type { Ext4Inode } from './inode.ts';
import { type Ext4Volume, refuse } from './volume.ts';

/** A name in a directory and the inode it names. */
export interface NamedInode {
  readonly name: string;
  readonly number: number;
}

/**
 * The names of a directory in the order of the disk, without `.` and `..`. Blocks of an index have none; a kernel that made one of
 * what had been a list of names may have left the end of that list where the checksum of the index is.
 *
 * @throws SlipwayError DISK_INVALID when a block is damaged
 */
export async function* readDirectory(
  volume: Ext4Volume,
  inode: Ext4Inode,
): AsyncGenerator<NamedInode, void, undefined> {
  for await (const range of dataRanges(volume, inode)) {
    for (let done = 0; done < range.lengthBytes; done += BLOCK_BYTES) {
      const isRoot = range.offsetBytes + done === 0;
      const bytes = await volume.source.read(range.diskOffsetBytes + done, BLOCK_BYTES);
      if (inode.isIndexed && (isRoot || isIndexNode(bytes))) continue;
      yield* entriesOf(bytes, inode);
    }
  }
}

/** A node of an index begins with an unused entry as long as the block. */
function isIndexNode(bytes: Buffer): boolean {
  return bytes.readUInt32LE(DIRENT.inode) === 0 && bytes.readUInt16LE(DIRENT.recordBytes) === BLOCK_BYTES;
}

function* entriesOf(bytes: Buffer, inode: Ext4Inode): Generator<NamedInode, void, undefined> {
  const tailAt = BLOCK_BYTES - DIRECTORY_TAIL_BYTES;
  const hasTail =
    bytes.readUInt8(tailAt + DIRENT.type) === ENTRY_TYPE_CHECKSUM && bytes.readUInt32LE(tailAt) === 0;
  if (hasTail && crc32c(inode.seed, bytes, 0, tailAt) !== bytes.readUInt32LE(tailAt + DIRENT.name))
    damaged(inode);
  const end = hasTail ? tailAt : BLOCK_BYTES;
  for (let at = 0; at < end; ) {
    const recordBytes = bytes.readUInt16LE(at + DIRENT.recordBytes);
    const nameBytes = bytes.readUInt8(at + DIRENT.nameBytes);
    const misplaced =
      recordBytes < DIRENT.name + nameBytes || recordBytes % 4 !== 0 || at + recordBytes > end;
    if (misplaced) damaged(inode);
    const number = bytes.readUInt32LE(at + DIRENT.inode);
    const name = bytes.toString('latin1', at + DIRENT.name, at + DIRENT.name + nameBytes);
    at += recordBytes;
    if (number === 0 || name === '.' || name === '..') continue;
    if (name === '' || /[/\0]/.test(name)) damaged(inode);
    yield { name, number };
  }
}

function damaged(inode: Ext4Inode): never {
  return refuse(`directory ${inode.number} is damaged`);
}
