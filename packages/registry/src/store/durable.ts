/** Files that are there whole, or not at all, whenever the power goes. */

import { randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf } from '@slipway/core';

/** Makes sure that the names in a directory are on the disk. */
export async function syncDirectory(path: string): Promise<void> {
  await using handle = await open(path, 'r');
  await handle.sync();
}

/**
 * Writes a file in place of what stood there. A power cut leaves the old file or the new one; what can be
 * left over is a file in `temporaryDirectory`, which must be on the same file system.
 */
export async function writeDurably(
  path: string,
  bytes: Uint8Array | string,
  temporaryDirectory: string,
): Promise<void> {
  const temporary = join(temporaryDirectory, randomBytes(16).toString('hex'));
  try {
    await writeFile(temporary, bytes, { flush: true, flag: 'wx' });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}

/** Writes an empty file; a power cut leaves it or not. */
export async function touchDurably(path: string): Promise<void> {
  // Written even where it is: its time says when it was last wanted.
  await writeFile(path, '');
  await syncDirectory(dirname(path));
}

/** Removes a file; false when there was none. A power cut leaves it or not. */
export async function removeDurably(path: string): Promise<boolean> {
  try {
    await rm(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
  await syncDirectory(dirname(path));
  return true;
}

/** Makes a directory and those above it; each new name is on the disk before anything is put below it. */
export async function makeDirectoryDurably(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return;
    if (errnoOf(error) !== 'ENOENT') throw error;
    await makeDirectoryDurably(dirname(path));
    await makeDirectoryDurably(path);
    return;
  }
  await syncDirectory(dirname(path));
}
