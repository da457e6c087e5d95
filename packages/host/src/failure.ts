/** Failures of system calls in the words of a host. */
import { statfs } from 'node:fs/promises';
import { errnoOf, formatBytes, isSlipwayError, messageOf, SlipwayError } from '@slipway/core';

/** Bytes an unprivileged writer may still use on the file system that holds a path. */
export async function freeBytesOf(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}

/**
 * Runs a step and turns what the operating system refused into an error that says what was being done.
 *
 * @param action in the words of an error: `merge /etc`
 * @param path on the file system that is written
 * @throws SlipwayError NO_SPACE when it is full, IO_FAILED for the rest
 */
export async function during<T>(action: string, path: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (thrown) {
    const errno = errnoOf(thrown);
    if (isSlipwayError(thrown) || errno === undefined) throw thrown;
    if (errno === 'ENOSPC' || errno === 'EDQUOT') throw await noSpace(action, path, thrown);
    throw new SlipwayError('IO_FAILED', `cannot ${action}: ${messageOf(thrown)}`, {
      details: { path, errno },
      cause: thrown,
    });
  }
}

/** @throws SlipwayError NO_SPACE, naming the file system and both numbers, when there is less room than needed */
export async function checkRoom(action: string, path: string, neededBytes: number): Promise<void> {
  const freeBytes = await freeBytesOf(path);
  if (neededBytes <= freeBytes) return;
  throw new SlipwayError(
    'NO_SPACE',
    `cannot ${action}: the file system of ${path} needs ${formatBytes(neededBytes)} and has ${formatBytes(freeBytes)} free`,
    { hint: SPACE_HINT, details: { fileSystem: path, neededBytes, freeBytes } },
  );
}

const SPACE_HINT = 'free some space in /var, or make the disk larger';

async function noSpace(action: string, path: string, cause: unknown): Promise<SlipwayError> {
  const freeBytes = await freeBytesOf(path);
  return new SlipwayError('NO_SPACE', `cannot ${action}: the file system of ${path} is full`, {
    hint: SPACE_HINT,
    details: { fileSystem: path, freeBytes },
    cause,
  });
}
