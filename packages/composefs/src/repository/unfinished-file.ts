import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  copyFileSync,
  fchmodSync,
  linkSync,
  mkdirSync,
  openSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '@slipway/core';
import { linkOpenFile } from '@slipway/linux';

/** O_TMPFILE of Linux: the same bit on x64 and arm64, always given with O_DIRECTORY. */
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;
/** Objects are readable by all and written by none but their owner, as composefs makes them. */
const OBJECT_MODE = 0o644;
/** What open(2) answers where there is no O_TMPFILE: old file systems, and kernels that see only O_DIRECTORY. */
const NO_TMPFILE: readonly (string | undefined)[] = ['EOPNOTSUPP', 'ENOTSUP', 'EISDIR', 'EINVAL'];

/** A file that has no name in the store yet. */
export interface UnfinishedFile {
  readonly fd: number;
  /** Its temporary name, where the file system cannot make files without one. */
  readonly tempPath: string | undefined;
}

/**
 * Makes files without a name, and gives them one when they are whole.
 *
 * A power cut or a kill before {@link publishFile} leaves nothing (O_TMPFILE), or a file in `tmp/` that nobody refers to and
 * garbage collection removes. After it the name exists, but neither name nor bytes are on the disk before the next syncfs:
 * that is why nothing may refer to an object before `Repository.sync`.
 */
export class UnfinishedFiles {
  readonly #tempDirectory: string;
  #unnamed = process.platform === 'linux';
  /** Only where the umask would take bits away does every file need a system call more. */
  readonly #chmod: boolean = (process.umask() & OBJECT_MODE) !== 0;

  constructor(tempDirectory: string) {
    this.#tempDirectory = tempDirectory;
  }

  /**
   * Opens a new empty file for writing.
   *
   * @param directory where it will be published, or beside it: the same file system, best the same directory
   */
  create(directory: string): UnfinishedFile {
    const file = this.#unnamed ? this.#openUnnamed(directory) : this.#openNamed();
    if (this.#chmod) fchmodSync(file.fd, OBJECT_MODE);
    return file;
  }

  #openUnnamed(directory: string): UnfinishedFile {
    try {
      const fd = openSync(directory, O_TMPFILE | constants.O_WRONLY, OBJECT_MODE);
      return { fd, tempPath: undefined };
    } catch (cause) {
      if (!NO_TMPFILE.includes(errnoOf(cause))) throw cause;
      this.#unnamed = false;
      return this.#openNamed();
    }
  }

  #openNamed(): UnfinishedFile {
    const tempPath = join(this.#tempDirectory, `${process.pid}-${randomBytes(8).toString('hex')}`);
    const flags = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY;
    try {
      return { fd: openSync(tempPath, flags, OBJECT_MODE), tempPath };
    } catch (cause) {
      if (errnoOf(cause) !== 'ENOENT') throw cause;
      mkdirSync(this.#tempDirectory, { recursive: true, mode: 0o700 });
      return { fd: openSync(tempPath, flags, OBJECT_MODE), tempPath };
    }
  }
}

/** A path that leads to the file while it is open. */
export function pathOf(file: UnfinishedFile): string {
  return file.tempPath ?? `/proc/self/fd/${file.fd}`;
}

/** Fills the file with the bytes of another, sharing its blocks where the file system can. It keeps its own mode. */
export function cloneInto(file: UnfinishedFile, path: string): void {
  copyFileSync(path, pathOf(file), constants.COPYFILE_FICLONE);
  fchmodSync(file.fd, OBJECT_MODE);
}

/** The same file opened for reading only, as sealing wants it. The one open for writing is closed. */
export function reopenForReading(file: UnfinishedFile): UnfinishedFile {
  const fd = openSync(pathOf(file), constants.O_RDONLY);
  closeSync(file.fd);
  return { fd, tempPath: file.tempPath };
}

/** Writes all of it: one system call may take less. */
export function writeFully(fd: number, bytes: Uint8Array): void {
  let offset = 0;
  while (offset < bytes.length) offset += writeSync(fd, bytes, offset, bytes.length - offset);
}

/**
 * Gives the file its name and closes it.
 *
 * Never replaces: another process may have published the same object and synced it; replacing it by ours, whose bytes are not
 * on the disk yet, would let a power cut break what that process already refers to.
 *
 * @returns false when the name was there: somebody was first, which is as good
 */
export function publishFile(file: UnfinishedFile, path: string): boolean {
  try {
    if (file.tempPath === undefined) linkOpenFile(file.fd, path);
    else linkSync(file.tempPath, path);
    return true;
  } catch (cause) {
    if (errnoOf(cause) === 'EEXIST') return false;
    throw cause;
  } finally {
    discardFile(file);
  }
}

/** Closes the file and takes its temporary name away. */
export function discardFile(file: UnfinishedFile): void {
  closeSync(file.fd);
  if (file.tempPath !== undefined) rmSync(file.tempPath, { force: true });
}
