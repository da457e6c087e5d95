import { isCString } from './byte-string.ts';
import { BLOCK_BYTES, DIRENT, INODE_SLOT_BYTES, LIMITS } from './format.ts';
import { type ImageView, malformed } from './image-view.ts';
import { type StoredInode, storedData } from './inode-reader.ts';

/** One name in a stored directory, `.` and `..` among them. */
export interface StoredDirent {
  readonly name: string;
  /** Byte offset of the inode. */
  readonly inodeOffset: number;
  readonly fileType: number;
}

/**
 * The entries of a directory. Names must rise from first to last, as the kernel searches them by halves:
 * one out of place would be listed and not found.
 */
export function readDirectory(image: ImageView, inode: StoredInode): readonly StoredDirent[] {
  const dirents: StoredDirent[] = [];
  for (const piece of storedData(image, inode)) {
    for (let at = 0; at < piece.length; at += BLOCK_BYTES) {
      readGroup(piece.subarray(at, at + BLOCK_BYTES), inode.offset, dirents);
    }
  }
  return dirents;
}

function readGroup(block: Buffer, inodeOffset: number, dirents: StoredDirent[]): void {
  const wrong = (why: string): Error => malformed(inodeOffset, `a directory ${why}`);
  if (block.length < DIRENT.sizeBytes) throw wrong('has a block too small for an entry');
  const namesOffset = block.readUInt16LE(DIRENT.nameOffset);
  const count = namesOffset / DIRENT.sizeBytes;
  if (!Number.isInteger(count) || count === 0 || namesOffset > block.length) {
    throw wrong('has entries that do not end where the names begin');
  }
  let start = namesOffset;
  for (let index = 0; index < count; index += 1) {
    const at = index * DIRENT.sizeBytes;
    const end =
      index + 1 < count
        ? block.readUInt16LE(at + DIRENT.sizeBytes + DIRENT.nameOffset)
        : lastEnd(block, start);
    if (end <= start || end > block.length) throw wrong('has names out of order or outside');
    const name = block.toString('latin1', start, end);
    if (name.length > LIMITS.nameBytes || name.includes('/') || !isCString(name)) {
      throw wrong(`holds a name no directory can hold: ${JSON.stringify(name)}`);
    }
    const previous = dirents.at(-1);
    if (previous !== undefined && previous.name >= name) throw wrong('is not sorted');
    const nid = block.readUInt32LE(at) + block.readUInt32LE(at + 4) * 2 ** 32;
    if (block[at + DIRENT.fileType + 1] !== 0) throw wrong('has an entry with bytes that must be zero');
    const fileType = block[at + DIRENT.fileType] ?? 0;
    dirents.push({ name, inodeOffset: nid * INODE_SLOT_BYTES, fileType });
    start = end;
  }
}

/** The last name of a padded block ends at the first zero. */
function lastEnd(block: Buffer, start: number): number {
  const zero = block.indexOf(0, start);
  return zero < 0 ? block.length : zero;
}
