/**
 * Which of several copies of a boot partition is the newest: a file on each, a number that goes up with every change. Entries cannot tell: the
 * boot loader counts on the copy it was started from alone, and taking a change back leaves fewer of them.
 */
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf } from '@slipway/core';
import { makeDirectoryDurably, writeFileDurably } from '../durable-file.ts';

/** From the root of the partition. Boot loaders pass over it. */
export const COPY_VERSION_PATH = 'loader/slipway-copy.json';

/** What the file says. */
export interface CopyVersion {
  readonly number: number;
  /** What the partition held when it was given the number. */
  readonly sum: string;
}

const MOST_BYTES = 4096;
const NONE: CopyVersion = { number: 0, sum: '' };

/** The version of a copy; 0 where it has none, or one that is damaged: any other is newer. */
export async function readCopyVersion(esp: string): Promise<CopyVersion> {
  const text = await readStart(join(esp, COPY_VERSION_PATH));
  try {
    const { number, sum } = JSON.parse(text) as Partial<CopyVersion>;
    const isSound = Number.isSafeInteger(number) && typeof sum === 'string';
    return isSound ? { number: Number(number), sum } : NONE;
  } catch {
    return NONE;
  }
}

/** A cut leaves the old version or the new one. */
export async function writeCopyVersion(esp: string, version: CopyVersion): Promise<void> {
  const path = join(esp, COPY_VERSION_PATH);
  await makeDirectoryDurably(dirname(path));
  await writeFileDurably(path, `${JSON.stringify(version)}\n`);
}

async function readStart(path: string): Promise<string> {
  try {
    const handle = await open(path, 'r');
    try {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(MOST_BYTES), 0, MOST_BYTES, 0);
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT' || errnoOf(thrown) === 'ENOTDIR') return '';
    throw thrown;
  }
}
