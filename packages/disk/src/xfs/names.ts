import { roundUp } from '@slipway/core';
import { FILE_TYPE, FILE_TYPE_BITS } from '../mode.ts';
import {
  DIRECTORY_BLOCK,
  ENTRY,
  FORMAT_LOCAL,
  FREE_ENTRY,
  FREE_TAG,
  INODE,
  SHORT_DIRECTORY,
  SHORT_ENTRY,
  SINGLE_BLOCK_MAGIC,
  SINGLE_BLOCK_TAIL,
} from './format.ts';
import { long, type XfsPiece } from './volume.ts';

/** A name in a directory. */
export interface XfsName {
  readonly inode: number;
  /** A window into the piece: what is changed in it is written with it. */
  readonly name: Buffer;
}

/** The names a piece holds, but for `.` and `..`; none where it is the inode of something else, or of a larger directory. */
export function* namesIn(piece: XfsPiece): Generator<XfsName> {
  if (piece.kind === 'directory-block') yield* namesInBlock(piece.bytes);
  else if (isShortDirectory(piece.bytes)) yield* namesInInode(piece.bytes.subarray(INODE.fork));
}

function isShortDirectory(inode: Buffer): boolean {
  const kind = inode.readUInt16BE(INODE.mode) & FILE_TYPE_BITS;
  return kind === FILE_TYPE.directory && inode.readUInt8(INODE.format) === FORMAT_LOCAL;
}

function* namesInInode(fork: Buffer): Generator<XfsName> {
  const numberBytes = fork.readUInt8(SHORT_DIRECTORY.longNumbers) === 0 ? 4 : 8;
  let at = SHORT_DIRECTORY.parent + numberBytes;
  for (let left = fork.readUInt8(SHORT_DIRECTORY.count); left > 0; left -= 1) {
    const start = at + SHORT_ENTRY.name;
    const end = start + fork.readUInt8(at + SHORT_ENTRY.nameBytes);
    // A byte for the kind of file stands between name and number.
    const inode = numberBytes === 4 ? fork.readUInt32BE(end + 1) : long(fork, end + 1);
    yield { inode, name: fork.subarray(start, end) };
    at = end + 1 + numberBytes;
  }
}

function* namesInBlock(block: Buffer): Generator<XfsName> {
  for (let at: number = DIRECTORY_BLOCK.headerBytes, last = endOfNames(block); at < last; ) {
    if (block.readUInt16BE(at) === FREE_TAG) {
      at += Math.max(ENTRY.unitBytes, block.readUInt16BE(at + FREE_ENTRY.length));
      continue;
    }
    const start = at + ENTRY.name;
    const end = start + block.readUInt8(at + ENTRY.nameBytes);
    const name = block.subarray(start, end);
    const text = name.toString('latin1');
    if (text !== '.' && text !== '..') yield { inode: long(block, at + ENTRY.inode), name };
    at = roundUp(end + ENTRY.afterName, ENTRY.unitBytes);
  }
}

function endOfNames(block: Buffer): number {
  if (block.readUInt32BE(0) !== SINGLE_BLOCK_MAGIC) return block.length;
  const tail = block.length - SINGLE_BLOCK_TAIL.bytes;
  return tail - block.readUInt32BE(tail) * SINGLE_BLOCK_TAIL.hashBytes;
}
