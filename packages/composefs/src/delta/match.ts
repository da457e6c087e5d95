/**
 * Finds what of one file stands in another, approximately: runs that are nearly the same come out as differences of bytes, which are
 * mostly zero. So a program that was compiled again, its addresses moved, costs little. The idea is that of bsdiff (C. Percival,
 * "Naive differences of executable code", 2003), with chains of hashes in place of a suffix array: nothing is sorted.
 */

/** One step of a patch. */
export interface PatchStep {
  /** Where in the old and the new file the run begins. */
  readonly oldAt: number;
  readonly newAt: number;
  /** Length of the run that is nearly the same. */
  readonly addBytes: number;
  /** Bytes of the new file after it that are like nothing. */
  readonly extraBytes: number;
}

/** Shorter matches than this are not looked for. */
const KEY_BYTES = 8;
/** Places with the same hash that are compared. */
const CHAIN_LIMIT = 64;
/** A match this long is taken without looking for a longer one. */
const GOOD_MATCH_BYTES = 4096;
/** A match must beat going on where we are by so many bytes. */
const MARGIN_BYTES = 8;
const MAX_HASH_BITS = 22;

/** Steps that make the new file of the old one, in the order of the new file. */
export function matchFiles(oldBytes: Buffer, newBytes: Buffer): readonly PatchStep[] {
  return new Matcher(oldBytes, newBytes).steps();
}

class Matcher {
  readonly #old: Buffer;
  readonly #new: Buffer;
  readonly #shift: number;
  /** By hash, the last place and, by place, the one before; places count from 1. */
  readonly #heads: Int32Array;
  readonly #chain: Int32Array;
  readonly #steps: PatchStep[] = [];
  /** The run being followed: its beginning in both files. */
  #runOldAt = 0;
  #runNewAt = 0;
  /** What {@link #longest} found. */
  #matchAt = 0;

  constructor(oldBytes: Buffer, newBytes: Buffer) {
    this.#old = oldBytes;
    this.#new = newBytes;
    const bits = Math.min(MAX_HASH_BITS, Math.max(10, Math.ceil(Math.log2(oldBytes.length + 1))));
    this.#shift = 32 - bits;
    this.#heads = new Int32Array(2 ** bits);
    this.#chain = new Int32Array(oldBytes.length);
    for (let at = 0; at + KEY_BYTES <= oldBytes.length; at += 1) {
      const hash = hashAt(oldBytes, at, this.#shift);
      this.#chain[at] = this.#heads[hash] ?? 0;
      this.#heads[hash] = at + 1;
    }
  }

  steps(): readonly PatchStep[] {
    const newLength = this.#new.length;
    let scan = 0;
    let length = 0;
    while (scan < newLength) {
      scan += length;
      // How many of the bytes up to the end of the match the present run has right as well.
      let alreadyRight = 0;
      let counted = scan;
      for (; scan < newLength; scan += 1) {
        length = this.#longest(scan);
        for (; counted < scan + length; counted += 1) if (this.#runIsRightAt(counted)) alreadyRight += 1;
        if ((length === alreadyRight && length !== 0) || length > alreadyRight + MARGIN_BYTES) break;
        if (this.#runIsRightAt(scan)) alreadyRight -= 1;
      }
      if (length !== alreadyRight || scan === newLength) this.#endRun(scan, this.#matchAt);
    }
    return this.#steps;
  }

  #runIsRightAt(newAt: number): boolean {
    const oldAt = newAt + this.#runOldAt - this.#runNewAt;
    return oldAt >= 0 && oldAt < this.#old.length && this.#old[oldAt] === this.#new[newAt];
  }

  /** Length of the longest match at a place of the new file; of equals, the one the present run goes on to. */
  #longest(newAt: number): number {
    let best = 0;
    if (newAt + KEY_BYTES <= this.#new.length) {
      let place = this.#heads[hashAt(this.#new, newAt, this.#shift)] ?? 0;
      for (let tries = CHAIN_LIMIT; place > 0 && tries > 0 && best < GOOD_MATCH_BYTES; tries -= 1) {
        const length = this.#commonLength(place - 1, newAt, best);
        if (length > best) {
          best = length;
          this.#matchAt = place - 1;
        }
        place = this.#chain[place - 1] ?? 0;
      }
      if (best < KEY_BYTES) best = 0;
    }
    const onwards = newAt + this.#runOldAt - this.#runNewAt;
    if (onwards < 0 || onwards >= this.#old.length) return best;
    const length = this.#commonLength(onwards, newAt, 0);
    if (length < best || length === 0) return best;
    this.#matchAt = onwards;
    return length;
  }

  /** 0 at once when it cannot be longer than the best so far. */
  #commonLength(oldAt: number, newAt: number, best: number): number {
    const limit = Math.min(this.#old.length - oldAt, this.#new.length - newAt);
    if (best >= limit || this.#old[oldAt + best] !== this.#new[newAt + best]) return 0;
    let length = 0;
    while (length < limit && this.#old[oldAt + length] === this.#new[newAt + length]) length += 1;
    return length;
  }

  /** The run ends before a better match; where exactly, forwards and backwards, the bytes that agree decide. */
  #endRun(scan: number, matchAt: number): void {
    const isEnd = scan === this.#new.length;
    let forwards = this.#extendForwards(scan);
    let backwards = isEnd ? 0 : this.#extendBackwards(scan, matchAt);
    const overlap = this.#runNewAt + forwards - (scan - backwards);
    if (overlap > 0) {
      const kept = this.#divide(overlap, forwards, scan - backwards, matchAt - backwards);
      forwards += kept - overlap;
      backwards -= kept;
    }
    const extraBytes = scan - backwards - (this.#runNewAt + forwards);
    this.#steps.push({ oldAt: this.#runOldAt, newAt: this.#runNewAt, addBytes: forwards, extraBytes });
    this.#runNewAt = scan - backwards;
    this.#runOldAt = matchAt - backwards;
  }

  /** As far as at least half of the bytes agree. */
  #extendForwards(scan: number): number {
    const limit = Math.min(scan - this.#runNewAt, this.#old.length - this.#runOldAt);
    let right = 0;
    let bestScore = 0;
    let best = 0;
    for (let index = 0; index < limit; index += 1) {
      if (this.#old[this.#runOldAt + index] === this.#new[this.#runNewAt + index]) right += 1;
      const score = right * 2 - index - 1;
      if (score > bestScore) {
        bestScore = score;
        best = index + 1;
      }
    }
    return best;
  }

  #extendBackwards(scan: number, matchAt: number): number {
    const limit = Math.min(scan - this.#runNewAt, matchAt);
    let right = 0;
    let bestScore = 0;
    let best = 0;
    for (let index = 1; index <= limit; index += 1) {
      if (this.#old[matchAt - index] === this.#new[scan - index]) right += 1;
      const score = right * 2 - index;
      if (score > bestScore) {
        bestScore = score;
        best = index;
      }
    }
    return best;
  }

  /** Where two runs both cover some bytes: how many the first one keeps. */
  #divide(overlap: number, forwards: number, newAt: number, oldAt: number): number {
    let score = 0;
    let bestScore = 0;
    let best = 0;
    const firstOldAt = this.#runOldAt + forwards - overlap;
    for (let index = 0; index < overlap; index += 1) {
      if (this.#new[newAt + index] === this.#old[firstOldAt + index]) score += 1;
      if (this.#new[newAt + index] === this.#old[oldAt + index]) score -= 1;
      if (score > bestScore) {
        bestScore = score;
        best = index + 1;
      }
    }
    return best;
  }
}

function hashAt(bytes: Buffer, at: number, shift: number): number {
  const low =
    (bytes[at] ?? 0) |
    ((bytes[at + 1] ?? 0) << 8) |
    ((bytes[at + 2] ?? 0) << 16) |
    ((bytes[at + 3] ?? 0) << 24);
  const high =
    (bytes[at + 4] ?? 0) |
    ((bytes[at + 5] ?? 0) << 8) |
    ((bytes[at + 6] ?? 0) << 16) |
    ((bytes[at + 7] ?? 0) << 24);
  const mixed = Math.imul(low, 0x9e3779b1) ^ Math.imul(high, 0x85ebca77) ^ (low >>> 15);
  return mixed >>> shift;
}
