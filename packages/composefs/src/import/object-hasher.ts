/** Objects of a store by what registries know contents by: their SHA-256. */
import { createHash } from 'node:crypto';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { SlipwayError } from '@slipway/core';
import { ioError } from '../repository/io-error.ts';
import type { Repository } from '../repository/repository.ts';

/** What a read of an object brings at most. */
export const READ_BYTES: number = 256 * 1024;
const OBJECTS_PER_CHECK = 64;

/** All of an object. */
export interface WholeObject {
  readonly sha256: Uint8Array;
  readonly sizeBytes: number;
}

/** Reads objects to find out their SHA-256. */
export class ObjectHasher {
  readonly #repository: Repository;
  readonly #signal: AbortSignal;
  readonly #scratch = Buffer.allocUnsafeSlow(READ_BYTES);
  #read = 0;

  constructor(repository: Repository, signal: AbortSignal) {
    this.#repository = repository;
    this.#signal = signal;
  }

  /** @throws SlipwayError OBJECT_MISSING, IO_FAILED, ABORTED */
  async hash(object: Uint8Array): Promise<WholeObject> {
    const hash = createHash('sha256');
    let sizeBytes = 0;
    const path = this.#repository.objectPath(object.toHex());
    for (const chunk of readPart(path, 0, Number.MAX_SAFE_INTEGER, this.#scratch)) {
      hash.update(chunk);
      sizeBytes += chunk.length;
    }
    this.#read += 1;
    if (this.#read % OBJECTS_PER_CHECK === 0) await this.#pause();
    return { sha256: hash.digest(), sizeBytes };
  }

  /** Lets others work: reading a whole store takes seconds. */
  async #pause(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#signal.throwIfAborted();
  }
}

/** Bytes of a file, from one to before another or to its end, one after the other in a buffer. */
export function* readPart(
  path: string,
  startBytes: number,
  endBytes: number,
  scratch: Buffer,
): Generator<Buffer, void, undefined> {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (cause) {
    throw new SlipwayError('OBJECT_MISSING', `cannot open ${path}`, { cause });
  }
  try {
    for (let at = startBytes; at < endBytes; ) {
      const count = readSync(fd, scratch, 0, Math.min(scratch.length, endBytes - at), at);
      if (count === 0) return;
      at += count;
      yield scratch.subarray(0, count);
    }
  } catch (cause) {
    throw ioError('read an object', path, cause);
  } finally {
    closeSync(fd);
  }
}
