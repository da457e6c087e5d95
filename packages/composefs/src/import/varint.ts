/** Bytes put one after the other into a buffer that grows. Numbers are LEB128: seven bits a byte, lowest first. */
export class ByteWriter {
  #bytes: Buffer;
  #length = 0;

  constructor(capacityBytes: number) {
    this.#bytes = Buffer.allocUnsafe(capacityBytes);
  }

  get length(): number {
    return this.#length;
  }

  /** A whole number from 0 to 2^53 - 1. */
  number(value: number): void {
    this.#reserve(8);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#length] = (rest % 0x80) | 0x80;
      this.#length += 1;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#length] = rest;
    this.#length += 1;
  }

  /** A whole number of either sign: the sign is the lowest bit. Up to 2^52. */
  signed(value: number): void {
    this.number(value < 0 ? -value * 2 - 1 : value * 2);
  }

  /** Bytes as a latin1 string, after their count. */
  text(value: string): void {
    this.number(value.length);
    this.#reserve(value.length);
    this.#length += this.#bytes.write(value, this.#length, 'latin1');
  }

  /** Bytes, after their count. */
  bytes(value: Uint8Array): void {
    this.number(value.length);
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  /** What was written since the last time; the memory is used again. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    return taken;
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + count));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

/** Reads what {@link ByteWriter} wrote, never past the end of the bytes. */
export class ByteReader {
  readonly #bytes: Buffer;
  readonly #damaged: (reason: string) => Error;
  #at = 0;

  /** `damaged` makes the error for bytes nobody would have written. */
  constructor(bytes: Buffer, damaged: (reason: string) => Error) {
    this.#bytes = bytes;
    this.#damaged = damaged;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** A whole number of at most `limit`. */
  number(limit: number = Number.MAX_SAFE_INTEGER): number {
    let value = 0;
    let unit = 1;
    for (let count = 0; count < 8; count += 1) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) throw this.#damaged('it ends early');
      this.#at += 1;
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) {
        if (value > limit) throw this.#damaged(`a number is ${value}, more than ${limit}`);
        return value;
      }
      unit *= 0x80;
    }
    throw this.#damaged('a number has no end');
  }

  signed(): number {
    const value = this.number();
    return value % 2 === 1 ? -(value + 1) / 2 : value / 2;
  }

  text(limitBytes: number): string {
    const bytes = this.bytes(limitBytes);
    return bytes.toString('latin1');
  }

  /** A view of the bytes, not a copy. */
  bytes(limitBytes: number): Buffer {
    const count = this.number(limitBytes);
    if (count > this.#bytes.length - this.#at) throw this.#damaged('it ends early');
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }
}
