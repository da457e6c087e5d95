import {
  type DirectoryContent,
  type DirectoryEntry,
  type DirectorySeeds,
  encodeLeaf,
} from './directory-leaf.ts';
import { BLOCK_BYTES } from './format.ts';
import { encodeIndexedDirectory } from './indexed-directory.ts';

/** Encodes a directory in its shape, each block sealed with its checksum. */
export function encodeDirectory(content: DirectoryContent, seeds: DirectorySeeds): Buffer {
  return content.shape.kind === 'indexed'
    ? encodeIndexedDirectory(content, content.shape, seeds)
    : encodeLinearDirectory(content, seeds);
}

function encodeLinearDirectory(
  { shape, inode, parent, entries }: DirectoryContent,
  seeds: DirectorySeeds,
): Buffer {
  const bytes = Buffer.alloc(shape.blocks * BLOCK_BYTES);
  const all: readonly DirectoryEntry[] = [
    { name: '.', inode, type: 'directory' },
    { name: '..', inode: parent, type: 'directory' },
    ...entries,
  ];
  let next = 0;
  for (let start = 0; start < bytes.length; start += BLOCK_BYTES) {
    next += encodeLeaf(bytes.subarray(start, start + BLOCK_BYTES), all, next, seeds.checksum);
  }
  return bytes;
}
