/**
 * A file tree as data. Names, symlink targets and xattr keys are bytes; they are held as "latin1" strings, one
 * character for one byte (`Buffer.from(name, 'latin1')`), because such strings are map keys and sort in byte order.
 */

/** One name, target or key: bytes as a latin1 string. */
export type ByteString = string;

/** What every inode carries. */
export interface Metadata {
  /** Permission bits with set-id and sticky (0o7777), without the file type. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970, may be negative. */
  readonly mtimeSec: number;
  /** 0 to 999,999,999. */
  readonly mtimeNsec: number;
  readonly xattrs: ReadonlyMap<ByteString, Uint8Array>;
}

/** Content of a regular file: in the image itself, or an object named by its fs-verity digest. */
export type FileContent =
  | { readonly kind: 'inline'; readonly bytes: Uint8Array }
  | {
      readonly kind: 'object';
      readonly sizeBytes: number;
      /** Raw fs-verity digest, 32 or 64 bytes; absent only in trees read from dumps without digests. */
      readonly digest: Uint8Array | undefined;
      /** Path in the object store, `ab/cdef…`; undefined for the path the digest implies. */
      readonly payload?: ByteString;
    };

export interface DirectoryNode {
  readonly kind: 'directory';
  readonly meta: Metadata;
  /** Any order; writers sort. The same node under two names is a hard link. */
  readonly entries: ReadonlyMap<ByteString, TreeNode>;
}

export interface RegularNode {
  readonly kind: 'regular';
  readonly meta: Metadata;
  readonly content: FileContent;
}

export interface SymlinkNode {
  readonly kind: 'symlink';
  readonly meta: Metadata;
  readonly target: ByteString;
}

export interface DeviceNode {
  readonly kind: 'character-device' | 'block-device';
  readonly meta: Metadata;
  readonly major: number;
  readonly minor: number;
}

export interface SpecialNode {
  readonly kind: 'fifo' | 'socket';
  readonly meta: Metadata;
}

export type LeafNode = RegularNode | SymlinkNode | DeviceNode | SpecialNode;
export type TreeNode = DirectoryNode | LeafNode;
