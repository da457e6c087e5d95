import type { ByteStream } from '@slipway/core';

const EMPTY = Buffer.alloc(0);

/**
 * Reads a stream in pieces of asked-for size; pieces are views of the stream's own chunks wherever they can be. The stream may take a chunk
 * back when it is asked for the next one, and with it the pieces that are views of it.
 */
export class ChunkCursor {
  readonly #iterator: AsyncIterator<Uint8Array>;
  #chunk: Buffer = EMPTY;
  #offset = 0;
  #beforeChunk = 0;
  #ended = false;

  constructor(stream: ByteStream) {
    this.#iterator = stream[Symbol.asyncIterator]();
  }

  /** Bytes handed out or skipped so far. */
  get position(): number {
    return this.#beforeChunk + this.#offset;
  }

  /** At most `maximum` bytes that are here already, without waiting; undefined when none are. */
  nextNow(maximum: number): Buffer | undefined {
    const available = this.#chunk.length - this.#offset;
    if (available === 0) return undefined;
    const length = Math.min(available, maximum);
    const piece = this.#chunk.subarray(this.#offset, this.#offset + length);
    this.#offset += length;
    return piece;
  }

  /** At most `maximum` bytes, at least one; undefined at the end of the stream. */
  async next(maximum: number): Promise<Buffer | undefined> {
    if (this.#offset === this.#chunk.length && !(await this.#pull())) return undefined;
    return this.nextNow(maximum);
  }

  /** Exactly `length` bytes without waiting; undefined when they are not all here. */
  takeNow(length: number): Buffer | undefined {
    return this.#chunk.length - this.#offset >= length ? this.nextNow(length) : undefined;
  }

  /** Exactly `length` bytes, fewer only at the end of the stream. */
  async take(length: number): Promise<Buffer> {
    const whole = this.takeNow(length);
    if (whole !== undefined) return whole;
    const pieces: Buffer[] = [];
    let missing = length;
    while (missing > 0) {
      const piece = await this.next(missing);
      if (piece === undefined) break;
      // The next piece may cost the chunk this one is a view of.
      pieces.push(piece.length === missing ? piece : Buffer.from(piece));
      missing -= piece.length;
    }
    return Buffer.concat(pieces);
  }

  /** All up to the next byte of a value, with it; undefined when it does not come among the next `limit` bytes. */
  async takeThrough(byte: number, limit: number): Promise<Buffer | undefined> {
    const pieces: Buffer[] = [];
    let left = limit;
    while (left > 0 && (this.#offset < this.#chunk.length || (await this.#pull()))) {
      const found = this.#chunk.subarray(0, this.#offset + left).indexOf(byte, this.#offset);
      const piece = this.nextNow(found === -1 ? left : found + 1 - this.#offset);
      if (piece === undefined) break;
      if (found !== -1) return pieces.length === 0 ? piece : Buffer.concat([...pieces, piece]);
      // The next piece may cost the chunk this one is a view of.
      pieces.push(Buffer.from(piece));
      left -= piece.length;
    }
    return undefined;
  }

  /** So many bytes as they come, fewer only at the end of the stream. */
  async *pieces(length: number): AsyncGenerator<Buffer, void, undefined> {
    for (let missing = length; missing > 0; ) {
      const piece = await this.next(missing);
      if (piece === undefined) return;
      missing -= piece.length;
      yield piece;
    }
  }

  /** Passes over bytes and says how many there were. */
  async skip(length: number): Promise<number> {
    let missing = length;
    while (missing > 0) {
      const piece = await this.next(missing);
      if (piece === undefined) break;
      missing -= piece.length;
    }
    return length - missing;
  }

  /** Reads the stream to its end, so that whoever verifies it sees all of it. */
  async drain(): Promise<void> {
    while ((await this.next(Number.MAX_SAFE_INTEGER)) !== undefined);
  }

  /** Tells the stream that no more is wanted. */
  async close(): Promise<void> {
    if (!this.#ended) await this.#iterator.return?.();
  }

  async #pull(): Promise<boolean> {
    this.#beforeChunk += this.#chunk.length;
    // Whoever asks for the next one has given it back.
    this.#chunk = EMPTY;
    this.#offset = 0;
    while (!this.#ended) {
      const result = await this.#nextChunk();
      if (result.done === true) {
        this.#ended = true;
        return false;
      }
      if (result.value.length === 0) continue;
      this.#chunk = asBuffer(result.value);
      return true;
    }
    return false;
  }

  /** A stream that threw is over: it must not be told to stop as well. */
  async #nextChunk(): Promise<IteratorResult<Uint8Array>> {
    try {
      return await this.#iterator.next();
    } catch (error) {
      this.#ended = true;
      throw error;
    }
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
