import { createCipheriv, createHash } from 'node:crypto';
import type { DiskDirectory, DiskFile, DiskMetadata, DiskNode } from '@slipway/disk';

/** Parts of trees that tests put on disks. */

/** Metadata with sensible values for what is left out. */
export function meta(own: Partial<DiskMetadata> = {}): DiskMetadata {
  return { mode: 0o644, uid: 0, gid: 0, mtimeSec: 1_700_000_000, mtimeNsec: 0, ...own };
}

/** A file of these bytes. */
export function file(bytes: Buffer, own: Partial<DiskMetadata> = {}): DiskFile {
  return {
    kind: 'file',
    meta: meta(own),
    sizeBytes: bytes.length,
    async *open() {
      yield bytes;
    },
  };
}

/** A directory of these names. */
export function directory(
  entries: readonly (readonly [string, DiskNode])[],
  own: Partial<DiskMetadata> = {},
): DiskDirectory {
  return { kind: 'directory', meta: meta({ mode: 0o755, ...own }), entries: new Map(entries) };
}

/** Bytes without any pattern, always the same for one seed. */
export function noise(length: number, seed: string): Buffer {
  const key = createHash('sha256').update(seed).digest().subarray(0, 16);
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length));
}
