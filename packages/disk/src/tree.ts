import type { ByteStream } from '@slipway/core';
import type { DataRange } from './content.ts';

/** What every inode written to a disk carries. Names and keys are bytes as latin1 strings. */
export interface DiskMetadata {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeSec: number;
  readonly mtimeNsec: number;
  readonly xattrs?: ReadonlyMap<string, Uint8Array>;
}

export interface DiskDirectory {
  readonly kind: 'directory';
  readonly meta: DiskMetadata;
  readonly entries: ReadonlyMap<string, DiskNode>;
}

/** A regular file whose bytes are streamed when they are written; opened at most once. */
export interface DiskFile {
  readonly kind: 'file';
  readonly meta: DiskMetadata;
  readonly sizeBytes: number;
  /**
   * The parts that are not holes, ascending, at whole 4096-byte blocks except the very end; the whole file where absent.
   * `open()` yields the bytes of these parts, one part after another.
   */
  readonly data?: readonly DataRange[];
  open(): ByteStream;
  /** Seal the file with fs-verity on the disk, so that every read is checked and no write is possible. */
  readonly verity?: 'sha256' | 'sha512';
  /** The fs-verity digest the content must turn out to have; a mismatch is an error of the write. */
  readonly verityDigest?: Uint8Array;
  /** A file of this machine with the same bytes: whoever writes very many files may read it, many at a time, in place of `open()`. */
  readonly path?: string;
}

export interface DiskSymlink {
  readonly kind: 'symlink';
  readonly meta: DiskMetadata;
  readonly target: string;
}

export interface DiskDevice {
  readonly kind: 'character-device' | 'block-device';
  readonly meta: DiskMetadata;
  readonly major: number;
  readonly minor: number;
}

export interface DiskSpecial {
  readonly kind: 'fifo' | 'socket';
  readonly meta: DiskMetadata;
}

/** The same object under two names is a hard link. */
export type DiskNode = DiskDirectory | DiskFile | DiskSymlink | DiskDevice | DiskSpecial;
