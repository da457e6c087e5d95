import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf, messageOf, SlipwayError } from '@slipway/core';

/**
 * A file that stands under its final name only when it is complete.
 *
 * It grows under `<path>.partial-<random>`. A power cut before {@link PartialFile.commit} leaves at most that file, after it the
 * complete one; disposing without commit removes it.
 */
export interface PartialFile extends AsyncDisposable {
  /** @throws SlipwayError DISK_NO_SPACE or IO_FAILED */
  write(offsetBytes: number, bytes: Uint8Array): Promise<void>;
  /** @throws SlipwayError DISK_NO_SPACE or IO_FAILED */
  resize(sizeBytes: number): Promise<void>;
  /** Flushes the data, gives the file its final name and flushes the directory. */
  commit(): Promise<void>;
}

const NO_ROOM: Readonly<Record<string, string>> = {
  ENOSPC: 'no room left on its file system',
  EDQUOT: 'the quota of its file system is used up',
  EFBIG: 'its file system holds no files that large',
};

/** @throws SlipwayError IO_FAILED when the directory cannot be written */
export async function openPartialFile(path: string): Promise<PartialFile> {
  const partialPath = `${path}.partial-${randomBytes(6).toString('hex')}`;
  const handle = await attempt(path, () => open(partialPath, 'wx+', 0o666));
  let state: 'open' | 'gone' = 'open';
  return {
    write: (offsetBytes, bytes) => attempt(path, () => writeFully(handle, offsetBytes, bytes)),
    resize: (sizeBytes) => attempt(path, () => handle.truncate(sizeBytes)),
    async commit() {
      await attempt(path, () => handle.sync());
      await attempt(path, () => handle.close());
      await attempt(path, () => rename(partialPath, path));
      state = 'gone';
      await attempt(path, () => syncDirectory(dirname(path)));
    },
    async [Symbol.asyncDispose]() {
      if (state === 'gone') return;
      state = 'gone';
      // Closing twice is harmless here, and an error of it must not hide the one that brought us here.
      await handle.close().catch(() => undefined);
      await unlink(partialPath).catch(() => undefined);
    },
  };
}

async function writeFully(handle: FileHandle, offsetBytes: number, bytes: Uint8Array): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, offsetBytes + done);
    done += bytesWritten;
  }
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function attempt<T>(path: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (cause) {
    const why = NO_ROOM[errnoOf(cause) ?? ''];
    if (why === undefined)
      throw new SlipwayError('IO_FAILED', `cannot write ${path}: ${messageOf(cause)}`, { cause });
    throw new SlipwayError('DISK_NO_SPACE', `cannot write ${path}: ${why}`, {
      hint: 'free some space or write the image to another file system; nothing was left behind',
      cause,
    });
  }
}
