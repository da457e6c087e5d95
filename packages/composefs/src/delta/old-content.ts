import { closeSync, constants, openSync, readSync } from 'node:fs';
import { errnoOf, SlipwayError } from '@slipway/core';
import type { Repository } from '../repository/repository.ts';
import { deltaInvalid } from './format.ts';
import type { OldFile } from './old-file-list.ts';

/** Read at once; a file that is not longer is read once and whole. */
const WINDOW_BYTES = 4 * 1024 * 1024;

/** Memory many files are read into, one after the other: fresh memory costs more than what is read into it. */
export function readingMemory(): Buffer {
  return Buffer.allocUnsafeSlow(WINDOW_BYTES);
}

/** The bytes of an old file, wherever they are asked for, with one window of it in memory. */
export class OldContent implements Disposable {
  readonly sizeBytes: number;
  readonly #fd: number | undefined;
  readonly #path: string;
  readonly #memory: Buffer | undefined;
  #window: Buffer;
  #windowAt = 0;

  /**
   * @param memory of {@link readingMemory}, not used by anything else meanwhile
   * @throws SlipwayError OBJECT_MISSING
   */
  constructor(repository: Repository, { content, sizeBytes }: OldFile, memory?: Buffer) {
    this.sizeBytes = sizeBytes;
    this.#memory = memory;
    if (content.kind === 'inline') {
      this.#window = Buffer.from(content.bytes);
      this.#path = '';
      return;
    }
    this.#path = repository.objectPath(Buffer.from(content.digest ?? []).toString('hex'));
    this.#fd = openObject(this.#path);
    this.#window = Buffer.alloc(0);
  }

  /**
   * Exactly these bytes; good until the next call. Not verified: the archive made of them is.
   *
   * @throws SlipwayError DELTA_INVALID when the file has none there, OBJECT_CORRUPT when it is shorter than recorded
   */
  read(atBytes: number, lengthBytes: number): Buffer {
    if (atBytes < 0 || lengthBytes > this.sizeBytes - atBytes)
      throw deltaInvalid('it reaches beyond the end of an old file');
    if (atBytes < this.#windowAt || atBytes + lengthBytes > this.#windowAt + this.#window.length)
      this.#load(atBytes, lengthBytes);
    const start = atBytes - this.#windowAt;
    return this.#window.subarray(start, start + lengthBytes);
  }

  [Symbol.dispose](): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
  }

  /** A little of what stands before comes along: patches go back now and then. */
  #load(atBytes: number, lengthBytes: number): void {
    const fitting = Math.max(0, Math.min(atBytes - WINDOW_BYTES / 8, this.sizeBytes - WINDOW_BYTES));
    const start = atBytes + lengthBytes > fitting + WINDOW_BYTES ? atBytes : fitting;
    const length = Math.min(Math.max(lengthBytes, WINDOW_BYTES), this.sizeBytes - start);
    const isFitting = this.#memory !== undefined && length <= this.#memory.length;
    const window = isFitting ? this.#memory.subarray(0, length) : Buffer.allocUnsafe(length);
    this.#window = this.#readInto(window, start);
    this.#windowAt = start;
  }

  #readInto(bytes: Buffer, atBytes: number): Buffer {
    let filled = 0;
    while (filled < bytes.length && this.#fd !== undefined) {
      const count = readSync(this.#fd, bytes, filled, bytes.length - filled, atBytes + filled);
      if (count === 0) break;
      filled += count;
    }
    if (filled < bytes.length) throw tooShort(this.#path);
    return bytes;
  }
}

function openObject(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (cause) {
    if (errnoOf(cause) !== 'ENOENT') throw cause;
    throw new SlipwayError('OBJECT_MISSING', `cannot find ${path}`, { details: { path }, cause });
  }
}

function tooShort(path: string): SlipwayError {
  return new SlipwayError('OBJECT_CORRUPT', `cannot use ${path}: it is shorter than recorded`, {
    hint: 'check the store with repair',
    details: { path },
  });
}
