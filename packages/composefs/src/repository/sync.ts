import { closeSync, constants, fsyncSync, openSync } from 'node:fs';
import { syncFileSystem } from '@slipway/linux';
import { ioError } from './io-error.ts';

/**
 * Everything written before to the file system of a directory is on the disk when this returns.
 *
 * @throws SlipwayError IO_FAILED, NO_SPACE: then some of it may not be
 */
export async function syncFileSystemOf(directory: string): Promise<void> {
  try {
    const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await syncFileSystem(fd);
    } finally {
      closeSync(fd);
    }
  } catch (cause) {
    throw ioError('sync the object store', directory, cause);
  }
}

/** The names in a directory are on the disk when this returns. What the operating system says is thrown as it is. */
export function syncDirectory(path: string): void {
  const directory = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
