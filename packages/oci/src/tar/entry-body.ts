import type { ByteStream } from '@slipway/core';
import type { ChunkCursor } from './chunk-cursor.ts';
import { BLOCK_BYTES } from './format.ts';
import { expandSparse, type SparseFile } from './sparse.ts';
import { tarError } from './tar-error.ts';

const DONE: Promise<IteratorResult<Uint8Array, void>> = Promise.resolve({
  done: true,
  value: undefined,
});

/**
 * The stored bytes of one archive member: views of the archive's own chunks, no copy.
 *
 * INVARIANT: bytes of the member are taken from the cursor only here, so that {@link finish} knows how
 * many are left, whether or not anyone read the body.
 */
export class EntryBody implements ByteStream, AsyncIterator<Uint8Array, void> {
  readonly #cursor: ChunkCursor;
  readonly #path: string;
  readonly #sparse: SparseFile | undefined;
  readonly #paddingBytes: number;
  #remaining: number;
  #state: 'fresh' | 'reading' | 'over' = 'fresh';

  constructor(cursor: ChunkCursor, path: string, storedBytes: number, sparse: SparseFile | undefined) {
    this.#cursor = cursor;
    this.#path = path;
    this.#remaining = storedBytes;
    this.#paddingBytes = (BLOCK_BYTES - (storedBytes % BLOCK_BYTES)) % BLOCK_BYTES;
    this.#sparse = sparse;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, void> {
    if (this.#state !== 'fresh') {
      throw new TypeError(
        'the body of an archive member can be read once, before the next member is asked for',
      );
    }
    this.#state = 'reading';
    return this.#sparse === undefined ? this : expandSparse(this.#sparse, (maximum) => this.#stored(maximum));
  }

  next(): Promise<IteratorResult<Uint8Array, void>> {
    if (this.#remaining === 0 || this.#state === 'over') return DONE;
    const piece = this.#cursor.nextNow(this.#remaining);
    if (piece === undefined) return this.#nextLater();
    this.#remaining -= piece.length;
    return Promise.resolve({ done: false, value: piece });
  }

  /** The reader wants no more; {@link finish} passes over the rest. */
  return(): Promise<IteratorResult<Uint8Array, void>> {
    this.#state = 'over';
    return DONE;
  }

  /** Moves on to the next header: over what was not read, and over the padding. */
  async finish(): Promise<void> {
    this.#state = 'over';
    const missing = this.#remaining + this.#paddingBytes;
    this.#remaining = 0;
    if (missing === 0 || this.#cursor.takeNow(missing) !== undefined) return;
    if ((await this.#cursor.skip(missing)) < missing) throw this.#cutShort();
  }

  async #nextLater(): Promise<IteratorResult<Uint8Array, void>> {
    return { done: false, value: await this.#stored(this.#remaining) };
  }

  async #stored(maximum: number): Promise<Buffer> {
    const piece = await this.#cursor.next(Math.min(maximum, this.#remaining));
    if (piece === undefined) throw this.#cutShort();
    this.#remaining -= piece.length;
    return piece;
  }

  #cutShort(): Error {
    return tarError('the archive ends inside its body', this.#cursor.position, this.#path);
  }
}
