import { type FileHandle, open } from 'node:fs/promises';
import { lockFile, unlockFile } from '@slipway/linux';

/**
 * One change at a time: in this process by waiting in line, between processes (a server, another, the garbage
 * collection) by flock(2) on the directory of the layout. It is held for the few renames of a change, never while
 * bytes come in, and dies with its process.
 *
 * A power cut, or the death of a process, needs no clearing up: nothing is written for it.
 */
export class StoreLock implements AsyncDisposable {
  readonly #directory: FileHandle;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(directory: FileHandle) {
    this.#directory = directory;
  }

  /** Opens the lock of a layout; nothing is held yet. */
  static async open(root: string): Promise<StoreLock> {
    return new StoreLock(await open(root, 'r'));
  }

  /** Does something while nobody else changes the store. */
  run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const turn = this.#last.then(() => this.#locked(work, signal));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last;
    await this.#directory.close();
  }

  async #locked<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    await lockFile(this.#directory.fd, 'exclusive', signal === undefined ? {} : { signal });
    try {
      return await work();
    } finally {
      unlockFile(this.#directory.fd);
    }
  }
}
