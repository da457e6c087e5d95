import type { ByteStream } from '@slipway/core';

/** Header fields of one archive member after PAX, GNU and ustar rules are applied. Names are bytes as latin1 strings. */
export interface TarHeader {
  readonly kind: 'file' | 'directory' | 'symlink' | 'hardlink' | 'character-device' | 'block-device' | 'fifo';
  /** As archived: not normalised, not checked for `..`. */
  readonly path: string;
  /** Target of a symlink or hard link, else empty. */
  readonly linkTarget: string;
  /** Permission bits (0o7777). */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Length of the body as a reader of the file sees it (sparse holes included). */
  readonly sizeBytes: number;
  readonly mtimeSec: number;
  readonly mtimeNsec: number;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** From PAX `SCHILY.xattr.*`; keys are latin1, values raw bytes. */
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
}

/** A member while the archive is being read; the body must be read, or is skipped, before the next member. */
export interface TarEntry extends TarHeader {
  readonly body: ByteStream;
}
