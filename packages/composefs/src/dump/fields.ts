import { SlipwayError } from '@slipway/core';
import { latin1Slice } from '../erofs/byte-string.ts';

const SPACE = 0x20;
const ZERO = 0x30;
const DASH = 0x2d;

/**
 * Takes a line of a dump apart, field by field, where it stands in memory: a string for each field would be half of what
 * a large dump costs.
 */
export class Fields {
  /** What the line stands in; bytes outside of it are somebody else's. */
  readonly bytes: Buffer;
  /** First byte of the field found last. */
  from: number;
  /** Right after it. */
  to: number;
  readonly #start: number;
  readonly #end: number;
  /** Where the next field begins; past the end when there is none. */
  #at: number;

  constructor(bytes: Buffer, start: number, end: number) {
    this.bytes = bytes;
    this.from = start;
    this.to = start;
    this.#start = start;
    this.#end = end;
    this.#at = start;
  }

  get hasMore(): boolean {
    return this.#at <= this.#end;
  }

  /** Bytes of the field found last. */
  get length(): number {
    return this.to - this.from;
  }

  /** Whether the field found last says that there is nothing. */
  get isAbsent(): boolean {
    return this.to === this.from + 1 && this.bytes[this.from] === DASH;
  }

  /** The field found last as a latin1 string. */
  get text(): string {
    return latin1Slice(this.bytes, this.from, this.to);
  }

  /**
   * Goes on to the next field.
   *
   * @throws SlipwayError DUMP_INVALID when there is none
   */
  next(): void {
    this.from = this.#begin();
    let at = this.from;
    while (at < this.#end && this.bytes[at] !== SPACE) at += 1;
    this.to = at;
    this.#at = at + 1;
  }

  /** Whether the next field begins with this byte, which is passed over then. */
  skip(byte: number): boolean {
    if (this.#begin() >= this.#end || this.bytes[this.#at] !== byte) return false;
    this.#at += 1;
    return true;
  }

  /** Whether the field after the next one begins with this byte. */
  secondBegins(byte: number): boolean {
    let at = this.#at;
    while (at < this.#end && this.bytes[at] !== SPACE) at += 1;
    return at + 1 < this.#end && this.bytes[at + 1] === byte;
  }

  /**
   * A whole number, digits only, up to the end of the field or to `until`.
   *
   * @throws SlipwayError DUMP_INVALID when there is none, or one above `max`
   */
  integer(what: string, max: number, radix: 8 | 10 = 10, until: number = SPACE): number {
    const start = this.#begin();
    let value = 0;
    let at = start;
    for (; at < this.#end; at += 1) {
      const code = this.bytes[at] ?? 0;
      if (code === until || code === SPACE) break;
      const digit = code - ZERO;
      value = digit >= 0 && digit < radix ? value * radix + digit : Number.NaN;
    }
    const ended = until === SPACE || (at < this.#end && this.bytes[at] === until);
    if (at === start || !ended || !(value <= max)) {
      const written = JSON.stringify(latin1Slice(this.bytes, start, at));
      throw invalid(`the ${what} ${written} is no ${radix === 8 ? 'octal ' : ''}number it can have`);
    }
    this.#at = at + 1;
    return value;
  }

  #begin(): number {
    if (this.hasMore) return this.#at;
    const count = latin1Slice(this.bytes, this.#start, this.#end).split(' ').length;
    throw invalid(`it has ${count} fields of 11`);
  }
}

/** A problem of the line being read. */
export function invalid(why: string): SlipwayError {
  return new SlipwayError('DUMP_INVALID', why);
}
