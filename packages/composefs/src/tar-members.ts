/** Inodes of a tree as members of a tar archive. */
import { SlipwayError } from '@slipway/core';
import type { TarHeader, TarInput } from '@slipway/oci';
import { fileSize } from './repository/node-content.ts';
import type { ByteString, LeafNode, Metadata, RegularNode } from './tree.ts';

/** Where the bytes of a file are read when its member is written. */
export type ReadBody = (node: RegularNode) => NonNullable<TarInput['body']>;

/** A directory; its path ends with a slash. */
export function directoryMember(path: ByteString, meta: Metadata): TarInput {
  return { ...header(path, meta), kind: 'directory' };
}

/** Another name of what was written before. */
export function linkMember(path: ByteString, meta: Metadata, linkTarget: ByteString): TarInput {
  return { ...header(path, meta), kind: 'hardlink', linkTarget, xattrs: new Map() };
}

/**
 * Anything but a directory, under its first name.
 *
 * @throws SlipwayError TREE_INVALID for a socket, which no archive holds
 */
export function leafMember(path: ByteString, node: LeafNode, read: ReadBody): TarInput {
  const common = header(path, node.meta);
  switch (node.kind) {
    case 'regular':
      return { ...common, kind: 'file', sizeBytes: fileSize(node), body: read(node) };
    case 'symlink':
      return { ...common, kind: 'symlink', linkTarget: node.target };
    case 'character-device':
    case 'block-device':
      return { ...common, kind: node.kind, deviceMajor: node.major, deviceMinor: node.minor };
    case 'fifo':
      return { ...common, kind: 'fifo' };
    case 'socket':
      break;
  }
  throw new SlipwayError('TREE_INVALID', `cannot write ${JSON.stringify(path)}: an archive holds no sockets`);
}

function header(path: ByteString, meta: Metadata): Omit<TarHeader, 'kind'> {
  const { mode, uid, gid, mtimeSec, mtimeNsec, xattrs } = meta;
  const nothing = { linkTarget: '', sizeBytes: 0, deviceMajor: 0, deviceMinor: 0 };
  return { path, mode, uid, gid, mtimeSec, mtimeNsec, xattrs, ...nothing };
}
