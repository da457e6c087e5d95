import { randomInt } from 'node:crypto';
import { FIRST_ROOM, freeBytes, grown } from '@slipway/core';
import { latin1Of } from './byte-string.ts';

const FIRST_SLOT_BITS = 7;
/** Of the number a digest is made to. */
const BITS = 31;

/**
 * Digests by number, counted from 0, in some twelve bytes each: whoever uses it holds the digests. A `Map` needs a string for each of
 * them and reads through several of them for each question, which costs more than all else of planning an image.
 *
 * Digests are random already, so 31 bits of them say where to look; the few that share these with another go by their whole text,
 * as do all when somebody made them so. What is mixed in keeps chosen digests from chosen places.
 */
export class DigestIndex implements Disposable {
  readonly #digestAt: (number: number) => Uint8Array;
  #count = 0;
  /** The bits of each digest that has a slot, by number. */
  #bits = new Uint32Array(FIRST_ROOM);
  /** Numbers and 1; 0 is free. At most half of them are taken, searched from a place the bits say. */
  #slots = new Uint32Array(2 ** FIRST_SLOT_BITS);
  #slotBits = FIRST_SLOT_BITS;
  readonly #byText = new Map<string, number>();
  readonly #mask: number = randomInt(2 ** 32);
  readonly #factor: number = randomInt(2 ** 31) * 2 + 1;

  /** @param digestAt the digest a number was given to */
  constructor(digestAt: (number: number) => Uint8Array) {
    this.#digestAt = digestAt;
  }

  /** How many digests there are. */
  get count(): number {
    return this.#count;
  }

  /** Number of a digest; -1 for one that is new. */
  find(digest: Uint8Array): number {
    const bits = this.#bitsOf(digest);
    const found = (this.#slots[this.#slotOf(bits)] ?? 0) - 1;
    if (found === -1 || isSame(this.#digestAt(found), digest)) return found;
    return this.#byText.get(latin1Of(digest)) ?? -1;
  }

  /** Gives the next number to a digest none has so far. */
  add(digest: Uint8Array): number {
    const number = this.#count;
    this.#count += 1;
    if (number === this.#bits.length) this.#bits = grown(this.#bits);
    const bits = this.#bitsOf(digest);
    const slot = this.#slotOf(bits);
    if (this.#slots[slot] !== 0) {
      this.#byText.set(latin1Of(digest), number);
      this.#bits[number] = NO_SLOT;
      return number;
    }
    this.#bits[number] = bits;
    this.#slots[slot] = number + 1;
    if (this.#count * 2 > this.#slots.length) this.#grow();
    return number;
  }

  [Symbol.dispose](): void {
    for (const column of [this.#bits, this.#slots]) freeBytes(column);
  }

  /** Where these bits are, or would be. */
  #slotOf(bits: number): number {
    const last = this.#slots.length - 1;
    // The upper ones: all bits of the digest had a part in them.
    for (let slot = bits >>> (BITS - this.#slotBits); ; slot = (slot + 1) & last) {
      const taken = this.#slots[slot] ?? 0;
      if (taken === 0 || this.#bits[taken - 1] === bits) return slot;
    }
  }

  #grow(): void {
    this.#slotBits += 1;
    this.#slots = new Uint32Array(2 ** this.#slotBits);
    for (let number = 0; number < this.#count; number += 1) {
      const bits = this.#bits[number] ?? NO_SLOT;
      if (bits !== NO_SLOT) this.#slots[this.#slotOf(bits)] = number + 1;
    }
  }

  /** A small integer to the engine. */
  #bitsOf(digest: Uint8Array): number {
    let bits = this.#mask;
    for (let index = 0; index < 4; index += 1) bits ^= (digest[index] ?? 0) << (index * 8);
    return Math.imul(bits, this.#factor) >>> 1;
  }
}

/** More than any bits of a digest are. */
const NO_SLOT = 2 ** 32 - 1;

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index += 1) if (a[index] !== b[index]) return false;
  return true;
}
