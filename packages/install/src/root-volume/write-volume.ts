import { type FileHandle, open, statfs, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  errnoOf,
  formatBytes,
  isSlipwayError,
  makeLargeTempDir,
  messageOf,
  type OperationOptions,
  operation,
  SlipwayError,
  startTask,
} from '@slipway/core';
import type { DiskDirectory, DiskWriter } from '@slipway/disk';
import { makeBtrfs } from './make-btrfs.ts';
import { makeXfs } from './make-xfs.ts';
import type { MadeVolume } from './maker.ts';

const CHUNK_BYTES = 1024 ** 2;
const MAKERS = { btrfs: makeBtrfs, xfs: makeXfs } as const;
const HINT =
  'set TMPDIR to a directory with more room: the root is made there before it is copied onto the disk';

/**
 * Makes a root in a file of its own and copies it onto the disk. The file, and a copy of what goes into it, stand in a directory of
 * `TMPDIR` or `/var/tmp` meanwhile.
 *
 * @throws SlipwayError TOOL_MISSING, TOOL_FAILED, DISK_NO_SPACE, DISK_TREE_INVALID, OBJECT_CORRUPT, IO_FAILED
 */
export async function writeMadeVolume(
  window: DiskWriter,
  volume: MadeVolume,
  options: OperationOptions,
): Promise<void> {
  await using directory = await makeLargeTempDir(volume.fileSystem);
  const path = join(directory.path, 'volume');
  const bytes = contentBytes(volume.tree);
  await requireRoom(directory.path, 2 * bytes);
  const task = startTask(operation(options).progress, `make a root of ${volume.fileSystem}`, 'bytes', bytes);
  try {
    await writeFile(path, '', { flag: 'wx', mode: 0o600 });
    await truncate(path, volume.sizeBytes);
    const making = { path, directory: directory.path, task, operation: operation(options) };
    await MAKERS[volume.fileSystem](volume, making);
    task.end();
    await copyVolume(path, window, options);
  } catch (cause) {
    throw isSlipwayError(cause) || operation(options).signal.aborted ? cause : makeError(path, cause);
  }
}

/** Stretches of zeros are not written: they are holes of the disk. */
async function copyVolume(path: string, window: DiskWriter, options: OperationOptions): Promise<void> {
  const zeros = Buffer.alloc(CHUNK_BYTES);
  const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  await using file: FileHandle = await open(path, 'r');
  for (let at = 0; ; ) {
    options.signal?.throwIfAborted();
    const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, at);
    if (bytesRead === 0) return;
    const bytes = chunk.subarray(0, bytesRead);
    if (!bytes.equals(zeros.subarray(0, bytesRead))) await window.write(at, bytes);
    at += bytesRead;
  }
}

async function requireRoom(directory: string, neededBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  const freeBytes = bavail * bsize;
  if (freeBytes >= neededBytes) return;
  throw new SlipwayError(
    'DISK_NO_SPACE',
    `cannot make the root in ${dirname(directory)}: it takes ${formatBytes(neededBytes)} and ${formatBytes(freeBytes)} are free`,
    { hint: HINT, details: { neededBytes, freeBytes } },
  );
}

function makeError(path: string, cause: unknown): SlipwayError {
  if (errnoOf(cause) === 'ENOSPC')
    return new SlipwayError('DISK_NO_SPACE', `cannot make the root in ${dirname(path)}: no room left`, {
      hint: HINT,
      cause,
    });
  return new SlipwayError('IO_FAILED', `cannot make the root in ${dirname(path)}: ${messageOf(cause)}`, {
    cause,
  });
}

function contentBytes(directory: DiskDirectory): number {
  let bytes = 0;
  for (const node of directory.entries.values()) {
    if (node.kind === 'file') bytes += node.sizeBytes;
    if (node.kind === 'directory') bytes += contentBytes(node);
  }
  return bytes;
}
