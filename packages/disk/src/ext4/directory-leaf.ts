import { crc32c } from '../checksum/crc32c.ts';
import { type DirectoryShape, LEAF_ROOM_BYTES, recordBytes } from './directory-shape.ts';
import { DIRECTORY_TAIL_BYTES, DIRENT, ENTRY_TYPE, ENTRY_TYPE_CHECKSUM } from './format.ts';

/** One name in a directory. */
export interface DirectoryEntry {
  /** Bytes as a latin1 string. */
  readonly name: string;
  readonly inode: number;
  readonly type: keyof typeof ENTRY_TYPE;
}

/** A directory to encode. */
export interface DirectoryContent {
  readonly shape: DirectoryShape;
  readonly inode: number;
  readonly parent: number;
  /** Without `.` and `..`, in byte order. */
  readonly entries: readonly DirectoryEntry[];
}

/** The seeds a directory is encoded with. */
export interface DirectorySeeds {
  /** Of the inode's checksums, see `inodeSeed`. */
  readonly checksum: number;
  /** Of the file system's name hashes. */
  readonly hash: Buffer;
}

/**
 * Fills a block with entries from `first` on, as many as it holds, and seals it.
 *
 * @returns how many entries went in
 */
export function encodeLeaf(
  block: Buffer,
  entries: readonly DirectoryEntry[],
  first: number,
  checksumSeed: number,
): number {
  let at = 0;
  let last = 0;
  let index = first;
  for (let entry = entries[index]; entry !== undefined; entry = entries[index]) {
    const bytes = recordBytes(entry.name);
    if (at + bytes > LEAF_ROOM_BYTES) break;
    block.writeUInt32LE(entry.inode, at + DIRENT.inode);
    block.writeUInt16LE(bytes, at + DIRENT.recordBytes);
    block.writeUInt8(entry.name.length, at + DIRENT.nameBytes);
    block.writeUInt8(ENTRY_TYPE[entry.type], at + DIRENT.type);
    block.write(entry.name, at + DIRENT.name, 'latin1');
    last = at;
    at += bytes;
    index += 1;
  }
  // The last entry reaches to the tail; in a block without any, one that names nothing does.
  block.writeUInt16LE(LEAF_ROOM_BYTES - last, last + DIRENT.recordBytes);
  block.writeUInt16LE(DIRECTORY_TAIL_BYTES, LEAF_ROOM_BYTES + DIRENT.recordBytes);
  block.writeUInt8(ENTRY_TYPE_CHECKSUM, LEAF_ROOM_BYTES + DIRENT.type);
  block.writeUInt32LE(crc32c(checksumSeed, block, 0, LEAF_ROOM_BYTES), LEAF_ROOM_BYTES + DIRENT.name);
  return index - first;
}
