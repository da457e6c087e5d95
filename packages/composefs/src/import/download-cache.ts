import { closeSync, constants, mkdirSync, openSync } from 'node:fs';
import { makeTempDir } from '@slipway/core';
import { tryLockFile } from '@slipway/linux';
import { ioError } from '../repository/io-error.ts';

/** A directory for unfinished downloads that no other process uses. */
export interface DownloadCache extends AsyncDisposable {
  readonly path: string;
}

/**
 * Opens the directory unfinished downloads are kept in. Only one process may write there, which a lock on it sees to; when
 * somebody else holds it, an empty directory stands in that is gone afterwards: that import just cannot be resumed.
 *
 * @throws SlipwayError IO_FAILED, NO_SPACE
 */
export async function openDownloadCache(path: string): Promise<DownloadCache> {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
    if (tryLockFile(fd, 'exclusive')) return { path, [Symbol.asyncDispose]: async () => closeSync(fd) };
    closeSync(fd);
    return await makeTempDir('pull', path);
  } catch (cause) {
    throw ioError('keep downloads', path, cause);
  }
}
