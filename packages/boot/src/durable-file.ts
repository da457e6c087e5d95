/** Files that are, after a power cut, either as they were or as they should be. */
import { type FileHandle, mkdir, open, readFile, rename, rm, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type ByteStream, errnoOf } from '@slipway/core';

/** What to write: text, bytes, or a stream. */
export type FileBody = string | Uint8Array | ByteStream;

/**
 * Writes a file under a temporary name beside it, syncs it, renames it over, syncs it under its name, syncs the directory.
 *
 * A cut leaves the old file or the new one, never a part, and at worst `.<name>.tmp`, which the next write replaces. On FAT, where length and
 * place of a file stand beside its name, a new name comes with neither: a cut before they follow leaves an empty file, and only the second
 * sync brings them. Whoever relies on the file does so after this has returned.
 */
export async function writeFileDurably(path: string, body: FileBody, mode = 0o644): Promise<void> {
  const temporary = temporaryPathOf(path);
  await removeIfPresent(temporary);
  try {
    const handle = await open(temporary, 'wx', mode);
    try {
      await writeBody(handle, body);
      await handle.sync();
      await rename(temporary, path);
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (thrown) {
    // On a full disk the part that was written must not stay in the way.
    await removeIfPresent(temporary);
    throw thrown;
  }
  await syncDirectory(dirname(path));
}

/**
 * Gives a small file another name. The new one is written before the old one goes, because a file that is renamed on FAT is empty until its
 * inode is written: seconds later, when nobody syncs it. A cut leaves either name, or both with the same bytes.
 */
export async function renameFileDurably(from: string, to: string): Promise<void> {
  if (from === to) return;
  await writeFileDurably(to, await readFile(from));
  await removeFileDurably(from);
}

/** Removes a file and syncs its directory; a missing file is fine. A cut leaves it there or gone. */
export async function removeFileDurably(path: string): Promise<void> {
  if (await removeIfPresent(path)) await syncDirectory(dirname(path));
}

/** Makes a directory and its parents, each synced into its parent. A cut leaves some of them, empty. */
export async function makeDirectoryDurably(path: string, mode = 0o755): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode });
  if (first === undefined) return;
  for (let made = path; ; made = dirname(made)) {
    await syncDirectory(dirname(made));
    if (made === first || made === dirname(made)) return;
  }
}

/** Removes a directory and all in it, syncs its parent. A cut leaves part of it: only for what nothing refers to. */
export async function removeDirectoryDurably(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
  await syncDirectory(dirname(path));
}

/** Flushes a directory's entries to the disk. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Where {@link writeFileDurably} keeps a file until it is whole. */
export function temporaryPathOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.tmp`);
}

async function writeBody(handle: FileHandle, body: FileBody): Promise<void> {
  if (typeof body === 'string' || body instanceof Uint8Array) await handle.writeFile(body);
  else for await (const chunk of body) await handle.writeFile(chunk);
}

async function removeIfPresent(path: string): Promise<boolean> {
  try {
    await unlink(path);
    return true;
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return false;
    throw thrown;
  }
}
