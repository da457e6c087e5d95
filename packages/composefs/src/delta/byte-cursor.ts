import type { ByteStream } from '@slipway/core';

const EMPTY = Buffer.alloc(0);

/** Takes bytes off a stream. */
export class ByteCursor {
  readonly #iterator: AsyncIterator<Uint8Array>;
  #chunk: Buffer = EMPTY;

  constructor(stream: ByteStream) {
    this.#iterator = stream[Symbol.asyncIterator]();
  }

  /** Exactly so many bytes; fewer only at the end of the stream. */
  async take(length: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for await (const piece of this.pieces(length)) pieces.push(piece);
    const [first = EMPTY] = pieces;
    return pieces.length > 1 ? Buffer.concat(pieces) : first;
  }

  /** So many bytes as they come. */
  async *pieces(length: number): AsyncGenerator<Buffer, void, undefined> {
    for (let missing = length; missing > 0; ) {
      if (this.#chunk.length === 0) {
        const next = await this.#iterator.next();
        if (next.done === true) return;
        this.#chunk = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.length);
      }
      const piece = this.#chunk.subarray(0, missing);
      this.#chunk = this.#chunk.subarray(piece.length);
      missing -= piece.length;
      if (piece.length > 0) yield piece;
    }
  }

  /** Stops reading. */
  async close(): Promise<void> {
    await this.#iterator.return?.();
  }
}
