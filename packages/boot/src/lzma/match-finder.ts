/** Finds what was there before: chains of the places where the same three bytes stand. */
import { LONGEST_MATCH } from './format.ts';

/** Bytes that repeat earlier ones. */
export interface Match {
  readonly length: number;
  /** How far back, from 1. */
  readonly distance: number;
}

const HASH_BITS = 16;
const HASHED_BYTES = 3;
/** Places looked at for each position: more pack a little better and take longer. */
const MOST_TRIES = 96;

export class MatchFinder {
  readonly #data: Uint8Array;
  readonly #newest = new Int32Array(1 << HASH_BITS).fill(-1);
  readonly #older: Int32Array;
  /** Positions before this one are in the chains. */
  #known = 0;

  constructor(data: Uint8Array) {
    this.#data = data;
    this.#older = new Int32Array(data.length);
  }

  /** The longest match at a position, the nearest where several are as long; positions ascend. */
  longest(position: number): Match {
    this.#learnUpTo(position);
    let length = 0;
    let distance = 0;
    if (position + HASHED_BYTES > this.#data.length) return { length, distance };
    let at = this.#newest[this.#hash(position)] ?? -1;
    for (let tries = 0; at >= 0 && tries < MOST_TRIES; tries++) {
      const found = this.matchLength(position, position - at);
      if (found > length) {
        length = found;
        distance = position - at;
        if (length === LONGEST_MATCH) break;
      }
      at = this.#older[at] ?? -1;
    }
    return { length, distance };
  }

  /** How many bytes from a position on equal those `distance` before them. */
  matchLength(position: number, distance: number): number {
    if (distance > position) return 0;
    const data = this.#data;
    const most = Math.min(LONGEST_MATCH, data.length - position);
    let length = 0;
    while (length < most && data[position + length] === data[position + length - distance]) length++;
    return length;
  }

  #learnUpTo(position: number): void {
    for (; this.#known < position; this.#known++) {
      if (this.#known + HASHED_BYTES > this.#data.length) continue;
      const hash = this.#hash(this.#known);
      this.#older[this.#known] = this.#newest[hash] ?? -1;
      this.#newest[hash] = this.#known;
    }
  }

  #hash(position: number): number {
    const data = this.#data;
    const bytes =
      (data[position] ?? 0) | ((data[position + 1] ?? 0) << 8) | ((data[position + 2] ?? 0) << 16);
    return Math.imul(bytes, 0x9e3779b1) >>> (32 - HASH_BITS);
  }
}
