import { createCipheriv } from 'node:crypto';
import type { DiskDirectory, DiskFile, DiskMetadata, DiskNode } from '../tree.ts';

/** Small trees for the tests of this package. */

/** Metadata with sensible values for what is left out. */
export function metaOf(meta: Partial<DiskMetadata> = {}): DiskMetadata {
  return { mode: 0o755, uid: 0, gid: 0, mtimeSec: 1_700_000_000, mtimeNsec: 0, ...meta };
}

/** A directory of the given children. */
export function directoryOf(
  entries: Readonly<Record<string, DiskNode>>,
  meta: Partial<DiskMetadata> = {},
): DiskDirectory {
  return { kind: 'directory', meta: metaOf(meta), entries: new Map(Object.entries(entries)) };
}

/** A file that holds the given bytes, yielded in chunks. */
export function fileOf(
  content: string | Uint8Array,
  options: { readonly meta?: Partial<DiskMetadata>; readonly verity?: 'sha256' | 'sha512' } = {},
): DiskFile {
  const bytes = Buffer.from(content);
  return {
    kind: 'file',
    meta: metaOf({ mode: 0o644, ...options.meta }),
    sizeBytes: bytes.length,
    async *open() {
      for (let at = 0; at < bytes.length; at += 100_000) yield bytes.subarray(at, at + 100_000);
    },
    ...(options.verity === undefined ? {} : { verity: options.verity }),
  };
}

/** Bytes without any pattern, always the same for one seed. */
export function patternBytes(length: number, seed = 1): Buffer {
  const iv = Buffer.alloc(16);
  iv.writeUInt32LE(seed);
  return createCipheriv('aes-128-ctr', Buffer.alloc(16), iv).update(Buffer.alloc(length));
}
