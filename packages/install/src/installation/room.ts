import { statfs } from 'node:fs/promises';
import { fileSize } from '@slipway/composefs';
import { formatBytes, messageOf, SlipwayError } from '@slipway/core';
import type { FirstDeployment } from '../first-deployment.ts';

/** Bytes there are, and bytes there have to be. */
export interface Room {
  readonly mountpoint: string;
  readonly bytes: number;
  readonly neededBytes: number;
}

/** Directories and tables of a boot partition. */
const TABLES_BYTES = 8 * 1024 ** 2;

/** What is free on a file system, or with `emptied`, what is when everything on it is removed. @throws SlipwayError IO_FAILED */
export async function roomOf(
  mountpoint: string,
  { emptied }: { readonly emptied: boolean },
): Promise<number> {
  try {
    const { bsize, blocks, bavail } = await statfs(mountpoint);
    return bsize * (emptied ? blocks : bavail);
  } catch (cause) {
    throw new SlipwayError('IO_FAILED', `cannot look at ${mountpoint}: ${messageOf(cause)}`, { cause });
  }
}

/** What the boot partition of a new host holds. */
export function bootNeededBytes({ linux, initrd, loader }: FirstDeployment): number {
  return fileSize(linux) + fileSize(initrd) + fileSize(loader) + TABLES_BYTES;
}

/** @throws SlipwayError DISK_TOO_SMALL with every file system that has too little */
export function refuseTight(path: string, rooms: readonly Room[]): void {
  const tight = rooms.filter(({ bytes, neededBytes }) => bytes < neededBytes);
  if (tight.length === 0) return;
  throw new SlipwayError('DISK_TOO_SMALL', `cannot install to ${path}: there is too little room`, {
    findings: tight.map(
      ({ mountpoint, bytes, neededBytes }) =>
        `${mountpoint} has room for ${formatBytes(bytes)}, and ${formatBytes(neededBytes)} are needed`,
    ),
    hint: 'an update needs the same again; remove what is not needed, or install to a larger disk',
    details: { path },
  });
}
