import { SlipwayError } from '@slipway/core';
import { bufferOf } from './byte-string.ts';

/** Bytes that may be anything, read with every access checked. Offsets are bytes from the start of the image. */
export class ImageView {
  readonly #bytes: Buffer;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.#bytes = bufferOf(bytes);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get sizeBytes(): number {
    return this.#bytes.length;
  }

  u8(offset: number): number {
    const value = this.#bytes[offset];
    if (value === undefined) throw outside(offset, 1);
    return value;
  }

  u16(offset: number): number {
    this.#check(offset, 2);
    return this.#view.getUint16(offset, true);
  }

  u32(offset: number): number {
    this.#check(offset, 4);
    return this.#view.getUint32(offset, true);
  }

  /** An unsigned 64-bit size or count; refused past 2^53, which nothing here can mean. */
  u64(offset: number): number {
    this.#check(offset, 8);
    const value = this.#view.getUint32(offset, true) + this.#view.getUint32(offset + 4, true) * 2 ** 32;
    if (value > 2 ** 53) throw malformed(offset, `a number of ${value} is too large`);
    return value;
  }

  /** A signed 64-bit time; refused past 2^53 seconds either way. */
  i64(offset: number): number {
    this.#check(offset, 8);
    const value = this.#view.getUint32(offset, true) + this.#view.getInt32(offset + 4, true) * 2 ** 32;
    if (!Number.isSafeInteger(value)) throw malformed(offset, `a time of ${value} is too far away`);
    return value;
  }

  /** Whether these bytes stand there. */
  holds(offset: number, bytes: Uint8Array): boolean {
    const end = offset + bytes.length;
    return end <= this.#bytes.length && this.#bytes.compare(bytes, 0, bytes.length, offset, end) === 0;
  }

  /** The same memory, not a copy. */
  bytes(offset: number, length: number): Buffer {
    this.#check(offset, length);
    return this.#bytes.subarray(offset, offset + length);
  }

  latin1(offset: number, length: number): string {
    this.#check(offset, length);
    return this.#bytes.toString('latin1', offset, offset + length);
  }

  /** Refuses anything but zeros where the format has nothing. */
  zeros(offset: number, length: number): void {
    this.#check(offset, length);
    for (let at = offset; at < offset + length; at += 1) {
      if (this.#bytes[at] !== 0) throw malformed(at, 'bytes that must be zero are not');
    }
  }

  #check(offset: number, length: number): void {
    if (offset < 0 || length < 0 || offset + length > this.#bytes.length) throw outside(offset, length);
  }
}

/** The error of everything wrong with an image. */
export function malformed(offset: number, why: string): SlipwayError {
  return new SlipwayError('EROFS_INVALID', `cannot read the image: ${why} (at byte ${offset})`, {
    details: { offset },
  });
}

function outside(offset: number, length: number): SlipwayError {
  return malformed(offset, `${length} bytes are wanted past its end`);
}
