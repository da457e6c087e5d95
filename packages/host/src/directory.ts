/** Small questions to directories. */
import { readdir, stat } from 'node:fs/promises';
import { errnoOf } from '@slipway/core';

/** Names in a directory, sorted; none when it does not exist. */
export async function listDirectory(path: string): Promise<readonly string[]> {
  try {
    return (await readdir(path)).toSorted();
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return [];
    throw thrown;
  }
}

/** Whether there is anything at a path. */
export async function pathExists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT' || errnoOf(thrown) === 'ENOTDIR') return false;
    throw thrown;
  }
}
