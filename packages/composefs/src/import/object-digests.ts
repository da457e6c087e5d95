/** Objects of a store by what registries know contents by: their SHA-256. */
import { createHash } from 'node:crypto';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { FIRST_ROOM, grown, SlipwayError } from '@slipway/core';
import { DigestSet } from '../repository/digest-set.ts';
import { ioError } from '../repository/io-error.ts';
import type { Repository } from '../repository/repository.ts';
import type { LocatedContent } from './content-record.ts';

/** What a read of an object brings at most. */
export const READ_BYTES: number = 256 * 1024;
const OBJECTS_PER_CHECK = 64;
const SHA256_BYTES = 32;

/** SHA-256 of objects, each read once. */
export class ObjectDigests {
  readonly #repository: Repository;
  readonly #signal: AbortSignal;
  readonly #objects = new DigestSet();
  /** Those of the objects, one after the other, and their lengths. */
  #sha256 = Buffer.alloc(FIRST_ROOM * SHA256_BYTES);
  #sizeBytes = new Float64Array(FIRST_ROOM);
  readonly #scratch = Buffer.allocUnsafeSlow(READ_BYTES);
  #read = 0;

  constructor(repository: Repository, signal: AbortSignal) {
    this.#repository = repository;
    this.#signal = signal;
  }

  /** Takes over what a record says of a whole object. */
  note(content: LocatedContent): void {
    if (content.kind !== 'object' || content.offsetBytes > 0) return;
    const { object, sha256, sizeBytes } = content;
    // A piece at the beginning of a file is shorter than the file.
    if (this.sizeOf(object) < sizeBytes) this.#keep(object, sha256, sizeBytes);
  }

  /** Of one object. Good until the next one is asked for. */
  async of(object: Uint8Array): Promise<Uint8Array> {
    const known = this.#objects.find(object);
    if (known !== -1) return this.#sha256At(known);
    const hash = createHash('sha256');
    let sizeBytes = 0;
    const path = this.#repository.objectPath(Buffer.from(object).toString('hex'));
    for (const chunk of readPart(path, 0, Number.MAX_SAFE_INTEGER, this.#scratch)) {
      hash.update(chunk);
      sizeBytes += chunk.length;
    }
    this.#read += 1;
    if (this.#read % OBJECTS_PER_CHECK === 0) await this.#pause();
    const sha256 = hash.digest();
    this.#keep(object, sha256, sizeBytes);
    return sha256;
  }

  /** Length of an object that was asked for or noted; 0 for another one. */
  sizeOf(object: Uint8Array): number {
    const known = this.#objects.find(object);
    return known === -1 ? 0 : (this.#sizeBytes[known] ?? 0);
  }

  #keep(object: Uint8Array, sha256: Uint8Array, sizeBytes: number): void {
    const number = this.#objects.indexOf(object);
    if (number === this.#sizeBytes.length) {
      this.#sizeBytes = grown(this.#sizeBytes);
      this.#sha256 = Buffer.concat([this.#sha256], this.#sha256.length * 2);
    }
    this.#sizeBytes[number] = sizeBytes;
    this.#sha256.set(sha256, number * SHA256_BYTES);
  }

  #sha256At(number: number): Uint8Array {
    return this.#sha256.subarray(number * SHA256_BYTES, (number + 1) * SHA256_BYTES);
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
