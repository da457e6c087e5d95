import type { ByteArena } from '../packed/byte-arena.ts';
import type { DigestValue } from './digest-value.ts';

/** Written at a time. */
const WINDOW_BYTES = 256 * 1024;

/**
 * An image being written from its beginning to its end, every position at most once, all of it zero before. Only a window of it is
 * held: what is written lies between where the window begins and where {@link ImageOutput.reach} last said. Positions come
 * from the layout and are right, so that only a bug of ours can make one of these throw.
 */
export class ImageOutput {
  /** The window. */
  #bytes: Buffer;
  #view: DataView;
  /** Where the window begins in the image. */
  #start = 0;
  /** End of what was said to be reached. */
  #end = 0;

  private constructor(windowBytes: number) {
    this.#bytes = Buffer.alloc(windowBytes);
    this.#view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.byteLength);
  }

  /** Something small, held whole. */
  static whole(sizeBytes: number): ImageOutput {
    const output = new ImageOutput(sizeBytes);
    output.#end = sizeBytes;
    return output;
  }

  /** An image of any length. */
  static inWindows(): ImageOutput {
    return new ImageOutput(WINDOW_BYTES);
  }

  /** What is in the window. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#end - this.#start);
  }

  /**
   * Makes room from one position to before another; what stands before the first is finished. Yields it when the window is full: a
   * piece is good until the next one is asked for.
   */
  *reach(from: number, to: number): Generator<Buffer, void, undefined> {
    if (to - this.#start > this.#bytes.length) yield* this.finish(from);
    if (to - this.#start > this.#bytes.length) {
      this.#bytes = Buffer.alloc(to - this.#start);
      this.#view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.byteLength);
    }
    this.#end = to;
  }

  /** Yields everything up to a position, zeros where nothing was written. */
  *finish(to: number): Generator<Buffer, void, undefined> {
    while (this.#start < to) {
      const lengthBytes = Math.min(to - this.#start, this.#bytes.length);
      const piece = this.#bytes.subarray(0, lengthBytes);
      yield piece;
      piece.fill(0);
      this.#start += lengthBytes;
    }
  }

  u8(offset: number, value: number): void {
    this.#view.setUint8(offset - this.#start, value);
  }

  u16(offset: number, value: number): void {
    this.#view.setUint16(offset - this.#start, value, true);
  }

  u32(offset: number, value: number): void {
    this.#view.setUint32(offset - this.#start, value, true);
  }

  /** A signed 64-bit integer of at most 53 bits, in two's complement. */
  i64(offset: number, value: number): void {
    const at = offset - this.#start;
    if (value >= 0 && value <= 0xffffffff) {
      this.#view.setUint32(at, value, true);
      return;
    }
    const high = Math.floor(value / 2 ** 32);
    this.#view.setUint32(at, value - high * 2 ** 32, true);
    this.#view.setInt32(at + 4, high, true);
  }

  /** Bytes held as a latin1 string. */
  latin1(offset: number, text: string): void {
    this.#bytes.write(text, offset - this.#start, 'latin1');
  }

  set(offset: number, bytes: Uint8Array): void {
    this.#bytes.set(bytes, offset - this.#start);
  }

  fill(offset: number, value: number, lengthBytes: number): void {
    this.#bytes.fill(value, offset - this.#start, offset - this.#start + lengthBytes);
  }

  /** Bytes of an arena. */
  copy(offset: number, arena: ByteArena, at: number, lengthBytes: number): void {
    arena.copy(at, lengthBytes, this.#bytes, offset - this.#start);
  }

  /** A value that follows from a digest. */
  write(offset: number, digest: Uint8Array, value: DigestValue): void {
    value.write(digest, this.#bytes, offset - this.#start);
  }
}
