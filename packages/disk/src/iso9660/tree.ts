import type { OperationOptions } from '@slipway/core';
import type { DiskWriter } from '../device/writer.ts';
import type { DiskDevice, DiskDirectory, DiskFile, DiskMetadata, DiskSpecial, DiskSymlink } from '../tree.ts';

/** A file whose bytes are written into their place, ascending: a file system inside a file. What is not written reads as zeros. */
export interface IsoWrittenFile {
  readonly kind: 'written-file';
  readonly meta: DiskMetadata;
  readonly sizeBytes: number;
  write(window: DiskWriter, options: OperationOptions): Promise<void>;
}

export interface IsoDirectory {
  readonly kind: 'directory';
  readonly meta: DiskMetadata;
  readonly entries: ReadonlyMap<string, IsoNode>;
}

/** Whatever stands on a medium; a tree of a disk is one. The same object under two names is a hard link. */
export type IsoNode =
  | IsoDirectory
  | IsoWrittenFile
  | DiskDirectory
  | DiskFile
  | DiskSymlink
  | DiskDevice
  | DiskSpecial;
