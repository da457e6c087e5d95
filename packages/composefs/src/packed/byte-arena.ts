import { freeBytes, SlipwayError } from '@slipway/core';

const SEGMENT_BITS = 16;
/** What is longer has no place here. */
export const LONGEST_BYTES: number = 2 ** SEGMENT_BITS;
const WITHIN_SEGMENT = LONGEST_BYTES - 1;
const MOST_BYTES = 2 ** 32;

/**
 * Short runs of bytes, each at a position that fits 32 bits: names, targets, digests. A string or buffer for each of them would
 * be ten times as large as what is in it. Nothing is ever removed; disposing of it gives all of the memory back at once.
 */
export class ByteArena implements Disposable {
  readonly #segments: Buffer[] = [];
  /** End of what is used. */
  #end = 0;

  /** Takes a latin1 string. */
  addText(text: string): number {
    const at = this.#reserve(text.length);
    this.#segments[at >>> SEGMENT_BITS]?.write(text, at & WITHIN_SEGMENT, 'latin1');
    return at;
  }

  addBytes(bytes: Uint8Array): number {
    const at = this.#reserve(bytes.length);
    this.#segments[at >>> SEGMENT_BITS]?.set(bytes, at & WITHIN_SEGMENT);
    return at;
  }

  /** A view of bytes taken before, not a copy. */
  bytes(at: number, lengthBytes: number): Buffer {
    const start = at & WITHIN_SEGMENT;
    return this.#segmentAt(at).subarray(start, start + lengthBytes);
  }

  /** Bytes taken before as a latin1 string. */
  text(at: number, lengthBytes: number): string {
    const start = at & WITHIN_SEGMENT;
    return this.#segmentAt(at).toString('latin1', start, start + lengthBytes);
  }

  /** Whether these are the bytes of a latin1 string of the same length. */
  isText(at: number, text: string): boolean {
    const segment = this.#segmentAt(at);
    const start = at & WITHIN_SEGMENT;
    for (let index = 0; index < text.length; index += 1) {
      if (segment[start + index] !== text.charCodeAt(index)) return false;
    }
    return true;
  }

  /** Which of two runs comes first in byte order: below 0 for the first. */
  compare(a: number, aBytes: number, b: number, bBytes: number): number {
    const [left, right] = [this.#segmentAt(a), this.#segmentAt(b)];
    const [leftStart, rightStart] = [a & WITHIN_SEGMENT, b & WITHIN_SEGMENT];
    const common = Math.min(aBytes, bBytes);
    for (let index = 0; index < common; index += 1) {
      const difference = (left[leftStart + index] ?? 0) - (right[rightStart + index] ?? 0);
      if (difference !== 0) return difference;
    }
    return aBytes - bBytes;
  }

  /** Copies bytes taken before. */
  copy(at: number, lengthBytes: number, into: Uint8Array, offset: number): void {
    const start = at & WITHIN_SEGMENT;
    this.#segmentAt(at).copy(into, offset, start, start + lengthBytes);
  }

  [Symbol.dispose](): void {
    for (const segment of this.#segments.splice(0)) freeBytes(segment);
  }

  #segmentAt(at: number): Buffer {
    const segment = this.#segments[at >>> SEGMENT_BITS];
    if (segment === undefined) throw new Error('internal error: bytes nobody has taken');
    return segment;
  }

  /** Room in one piece. */
  #reserve(lengthBytes: number): number {
    const room = this.#segments.length * LONGEST_BYTES - this.#end;
    if (lengthBytes > room) {
      if (lengthBytes > LONGEST_BYTES) throw new Error('internal error: too long for an arena');
      this.#end = this.#segments.length * LONGEST_BYTES;
      if (this.#end >= MOST_BYTES) {
        throw new SlipwayError('TREE_INVALID', 'cannot hold the tree: its names have more than 4 GB', {
          hint: 'put fewer files into the image',
        });
      }
      this.#segments.push(Buffer.allocUnsafeSlow(LONGEST_BYTES));
    }
    const at = this.#end;
    this.#end += lengthBytes;
    return at;
  }
}
