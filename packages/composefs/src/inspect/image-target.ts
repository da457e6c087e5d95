import { randomBytes } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf } from '@slipway/core';
import { ioError } from '../repository/io-error.ts';

/** Where an image will be written, opened before the work that makes it. */
export interface ImageTarget extends AsyncDisposable {
  /** Writes the image, once. */
  write(image: Uint8Array): Promise<void>;
}

/**
 * Opens the file an image goes to.
 *
 * A regular file is replaced when the new one is whole and on the disk: a power cut leaves what was there before, and perhaps a
 * file beside it whose name begins with its own. What is something else (a device, `/proc/self/fd/3`, a symlink) is
 * written to as it is.
 *
 * @throws SlipwayError IO_FAILED, NO_SPACE
 */
export async function openImageTarget(path: string): Promise<ImageTarget> {
  const before = await attempt(path, () => lstatIfThere(path));
  const replaces = before === undefined || before.isFile();
  const written = replaces ? `${path}.${randomBytes(6).toString('hex')}.tmp` : path;
  const file = await attempt(path, () => open(written, replaces ? 'wx' : 'w'));
  let finished = !replaces;
  return {
    write: (image) =>
      attempt(path, async () => {
        await file.writeFile(image);
        if (!replaces) return;
        await finish(file, before);
        await rename(written, path);
        finished = true;
        await syncDirectory(dirname(path));
      }),
    [Symbol.asyncDispose]: async () => {
      await file.close();
      if (!finished) await rm(written, { force: true });
    },
  };
}

async function finish(file: FileHandle, before: Stats | undefined): Promise<void> {
  if (before !== undefined) await file.chmod(before.mode & 0o7777);
  await file.sync();
}

async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  await directory.sync();
}

async function lstatIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return undefined;
    throw cause;
  }
}

async function attempt<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    throw ioError(`write ${path}`, path, cause);
  }
}
