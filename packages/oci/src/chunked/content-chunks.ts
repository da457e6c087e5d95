/**
 * Where large files are cut: at places their content decides, so that a file that changed in one place keeps most of its pieces. A
 * rolling hash over the last 32 bytes ("gear") ends a piece where its upper bits are zero.
 *
 * INVARIANT: cutting never changes, or hosts find none of the pieces they have.
 */

/** Shorter than this is never cut. */
const MIN_BYTES = 256 * 1024;
/** Longer than this is always cut: what reader and writer are ready to hold. */
const MAX_CHUNK_BYTES = 4 * 2 ** 20;
/** 20 bits: a piece is a megabyte longer than the least, on average. */
const CUT_MASK = 0xffff_f000;

/** A number for every byte, by a fixed generator (xorshift32). */
const GEAR = new Int32Array(256);
let state = 0x9e37_79b9 | 0;
for (let byte = 0; byte < 256; byte += 1) {
  for (let round = 0; round < 4; round += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
  }
  GEAR[byte] = state;
}

/** Finds cuts in one file, whose bytes come one after the other. */
export class ChunkCutter {
  #hash = 0;
  #lengthBytes = 0;

  /** How many of these bytes still belong to the piece, and whether it ends there; the rest is asked for again. */
  next(bytes: Uint8Array): { readonly taken: number; readonly ends: boolean } {
    const skipped = Math.min(bytes.length, Math.max(0, MIN_BYTES - 32 - this.#lengthBytes));
    const limit = Math.min(bytes.length, MAX_CHUNK_BYTES - this.#lengthBytes);
    let hash = this.#hash;
    for (let index = skipped; index < limit; index += 1) {
      hash = ((hash << 1) + (GEAR[bytes[index] ?? 0] ?? 0)) | 0;
      if ((hash & CUT_MASK) === 0 && this.#lengthBytes + index + 1 >= MIN_BYTES) return this.#cut(index + 1);
    }
    if (this.#lengthBytes + limit === MAX_CHUNK_BYTES) return this.#cut(limit);
    this.#hash = hash;
    this.#lengthBytes += limit;
    return { taken: limit, ends: false };
  }

  #cut(taken: number): { readonly taken: number; readonly ends: boolean } {
    this.#hash = 0;
    this.#lengthBytes = 0;
    return { taken, ends: true };
  }
}
