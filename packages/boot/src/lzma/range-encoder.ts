/** The range coder of LZMA, writing (LZMA specification, "Range coder"). */
import { ADAPTION_SHIFT, PROBABILITY_BITS } from './format.ts';

const TOP = 0x01000000;
const CARRY = 0x100000000;
const SETTLED = 0xff000000;

/** Probabilities of as many bits, all even at first. */
export function evenProbabilities(count: number): Uint16Array {
  return new Uint16Array(count).fill(1 << (PROBABILITY_BITS - 1));
}

/** Bits in, bytes out. `low` may carry into bytes that were decided already, which are held back for as long. */
export class RangeEncoder {
  #bytes = Buffer.alloc(1 << 16);
  #length = 0;
  #low = 0;
  #range = 0xffffffff;
  #cache = 0;
  /** Bytes held back: the cache, then as many of 0xff. */
  #held = 1;

  bit(probabilities: Uint16Array, index: number, bit: number): void {
    const probability = probabilities[index] ?? 0;
    const bound = (this.#range >>> PROBABILITY_BITS) * probability;
    if (bit === 0) {
      this.#range = bound;
      probabilities[index] = probability + (((1 << PROBABILITY_BITS) - probability) >> ADAPTION_SHIFT);
    } else {
      this.#low += bound;
      this.#range -= bound;
      probabilities[index] = probability - (probability >> ADAPTION_SHIFT);
    }
    this.#normalize();
  }

  /** Highest bit first, each coded by what came before it. */
  tree(probabilities: Uint16Array, offset: number, bits: number, value: number): void {
    let node = 1;
    for (let at = bits - 1; at >= 0; at--) {
      const bit = (value >> at) & 1;
      this.bit(probabilities, offset + node, bit);
      node = (node << 1) | bit;
    }
  }

  /** Lowest bit first. */
  reverseTree(probabilities: Uint16Array, offset: number, bits: number, value: number): void {
    let node = 1;
    for (let at = 0; at < bits; at++) {
      const bit = (value >> at) & 1;
      this.bit(probabilities, offset + node, bit);
      node = (node << 1) | bit;
    }
  }

  /** Bits with no model, highest first. */
  direct(value: number, bits: number): void {
    for (let at = bits - 1; at >= 0; at--) {
      this.#range >>>= 1;
      if (((value >>> at) & 1) === 1) this.#low += this.#range;
      this.#normalize();
    }
  }

  finish(): Buffer {
    for (let at = 0; at < 5; at++) this.#shift();
    return this.#bytes.subarray(0, this.#length);
  }

  #normalize(): void {
    while (this.#range < TOP) {
      this.#range *= 256;
      this.#shift();
    }
  }

  #shift(): void {
    if (this.#low < SETTLED || this.#low >= CARRY) {
      const carry = this.#low >= CARRY ? 1 : 0;
      this.#push(this.#cache + carry);
      for (; this.#held > 1; this.#held--) this.#push(0xff + carry);
      this.#held = 0;
      this.#cache = Math.floor(this.#low / TOP) & 0xff;
    }
    this.#held++;
    this.#low = (this.#low % TOP) * 256;
  }

  #push(byte: number): void {
    if (this.#length === this.#bytes.length)
      this.#bytes = Buffer.concat([this.#bytes, Buffer.alloc(this.#length)]);
    this.#bytes[this.#length++] = byte & 0xff;
  }
}
