/** What an app keeps, copied aside before an update and put back when one is taken back. */
import { rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeDirectoryDurably, removeDirectoryDurably, syncDirectory } from '@slipway/boot';
import { type Operation, run } from '@slipway/core';
import { exchangePaths, syncFileSystemAt } from '@slipway/linux';
import { pathExists } from '../directory.ts';

/**
 * Copies data aside; blocks are shared where the file system can. What was there before goes. A cut leaves the old copy, or none,
 * or the new one: never part of one under its name.
 */
export async function snapshotData(data: string, snapshot: string, operation: Operation): Promise<void> {
  await removeDirectoryDurably(snapshot);
  if (!(await pathExists(data))) return;
  await copyWhole(data, `${snapshot}.new`, operation);
  await rename(`${snapshot}.new`, snapshot);
  await syncDirectory(dirname(snapshot));
}

/** Makes data what a snapshot says; without one there are none. A cut leaves the data of before or those of the snapshot, whole. */
export async function restoreData(snapshot: string, data: string, operation: Operation): Promise<void> {
  if (!(await pathExists(snapshot))) {
    await removeData(data);
    return;
  }
  // Beside it: the two must be on one file system, whatever /var is.
  const fresh = `${dirname(data)}/.${data.slice(dirname(data).length + 1)}.new`;
  await makeDirectoryDurably(dirname(data), 0o700);
  await copyWhole(snapshot, fresh, operation);
  if (await pathExists(data)) exchangePaths(fresh, data);
  else await rename(fresh, data);
  await removeDirectoryDurably(fresh);
}

/** Removes what an app kept. A cut leaves part of it: only for an app that is not there any more. */
export async function removeData(data: string): Promise<void> {
  if (await pathExists(data)) await removeDirectoryDurably(data);
}

async function copyWhole(from: string, to: string, { signal, log }: Operation): Promise<void> {
  await rm(to, { recursive: true, force: true });
  await run(['cp', '--archive', '--reflink=auto', '--', from, to], {
    describe: 'copy the data of the app',
    debianPackage: 'coreutils',
    signal,
    log,
  });
  await syncFileSystemAt(to);
}
