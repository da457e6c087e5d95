/** Packs bytes as an LZMA stream without header and end marker. */
import {
  ALIGN_BITS,
  DISTANCE_CODERS,
  DISTANCE_SLOT_BITS,
  FIRST_DIRECT_SLOT,
  FIRST_MATCH_STATE,
  FIRST_SLOT_WITH_BITS,
  LENGTH_HIGH_BITS,
  LENGTH_LOW_BITS,
  LENGTH_MID_BITS,
  LENGTH_STATES,
  LITERAL_CODERS,
  LITERAL_CONTEXT_BITS,
  POSITION_STATES,
  SHORTEST_MATCH,
  STATES,
  stateAfterLiteral,
  stateAfterMatch,
  stateAfterRepeat,
  stateAfterShortRepeat,
} from './format.ts';
import { type Match, MatchFinder } from './match-finder.ts';
import { evenProbabilities, RangeEncoder } from './range-encoder.ts';

/**
 * Packs `data`; whoever unpacks it has to know its length. The same bytes give the same stream.
 *
 * Held in memory whole: for boot loaders, not for disks.
 */
export function encodeLzma(data: Uint8Array): Buffer {
  return new LzmaEncoder(data).encode();
}

/** A repeat of one of the last four distances. */
interface Repeat {
  readonly index: number;
  readonly length: number;
}

class LzmaEncoder {
  readonly #data: Uint8Array;
  readonly #finder: MatchFinder;
  readonly #out = new RangeEncoder();
  readonly #isMatch = evenProbabilities(STATES * POSITION_STATES);
  readonly #isRepeat = evenProbabilities(STATES);
  readonly #isNotFirst = evenProbabilities(STATES);
  readonly #isNotSecond = evenProbabilities(STATES);
  readonly #isNotThird = evenProbabilities(STATES);
  readonly #isLongRepeat = evenProbabilities(STATES * POSITION_STATES);
  readonly #literals = evenProbabilities(LITERAL_CODERS << LITERAL_CONTEXT_BITS);
  readonly #slots = evenProbabilities(LENGTH_STATES << DISTANCE_SLOT_BITS);
  readonly #distances = evenProbabilities(DISTANCE_CODERS);
  readonly #align = evenProbabilities(1 << ALIGN_BITS);
  readonly #matchLength = new LengthEncoder();
  readonly #repeatLength = new LengthEncoder();
  #position = 0;
  #state = 0;
  /** The last four distances, from 1, the latest first. */
  #recent = [1, 1, 1, 1];

  constructor(data: Uint8Array) {
    this.#data = data;
    this.#finder = new MatchFinder(data);
  }

  encode(): Buffer {
    while (this.#position < this.#data.length) this.#next();
    return this.#out.finish();
  }

  /** What packs well without looking far ahead: a recent distance, else the longest match, unless the next byte has a longer one. */
  #next(): void {
    const match = this.#finder.longest(this.#position);
    const repeat = this.#longestRepeat();
    if (repeat.length >= SHORTEST_MATCH && isRepeatBetter(repeat, match)) return this.#repeat(repeat);
    if (isWorthwhile(match) && this.#finder.longest(this.#position + 1).length <= match.length) {
      return this.#match(match);
    }
    if (this.#isLikeRecent() && this.#state >= FIRST_MATCH_STATE) return this.#shortRepeat();
    return this.#literal();
  }

  #longestRepeat(): Repeat {
    let best: Repeat = { index: 0, length: 0 };
    for (const [index, distance] of this.#recent.entries()) {
      const length = this.#finder.matchLength(this.#position, distance);
      if (length > best.length) best = { index, length };
    }
    return best;
  }

  #isLikeRecent(): boolean {
    return this.#data[this.#position] === this.#byteBack(this.#recent[0] ?? 1);
  }

  /** Undefined before the start. */
  #byteBack(distance: number): number | undefined {
    return this.#data[this.#position - distance];
  }

  #literal(): void {
    const byte = this.#data[this.#position] ?? 0;
    this.#out.bit(this.#isMatch, this.#matchIndex(), 0);
    const context = (this.#byteBack(1) ?? 0) >> (8 - LITERAL_CONTEXT_BITS);
    const offset = context * LITERAL_CODERS;
    if (this.#state < FIRST_MATCH_STATE) this.#out.tree(this.#literals, offset, 8, byte);
    else this.#literalAfterMatch(offset, byte, this.#byteBack(this.#recent[0] ?? 1) ?? 0);
    this.#state = stateAfterLiteral(this.#state);
    this.#position += 1;
  }

  /** The byte with which the match would have gone on is not this one: it is coded beside it as long as both agree. */
  #literalAfterMatch(offset: number, byte: number, other: number): void {
    let node = 1;
    let agree = true;
    for (let at = 7; at >= 0; at--) {
      const bit = (byte >> at) & 1;
      const otherBit = (other >> at) & 1;
      this.#out.bit(this.#literals, offset + node + (agree ? (1 + otherBit) << 8 : 0), bit);
      node = (node << 1) | bit;
      agree = agree && bit === otherBit;
    }
  }

  #shortRepeat(): void {
    this.#beginRepeat();
    this.#out.bit(this.#isNotFirst, this.#state, 0);
    this.#out.bit(this.#isLongRepeat, this.#matchIndex(), 0);
    this.#state = stateAfterShortRepeat(this.#state);
    this.#position += 1;
  }

  #repeat({ index, length }: Repeat): void {
    this.#beginRepeat();
    const out = this.#out;
    out.bit(this.#isNotFirst, this.#state, index === 0 ? 0 : 1);
    if (index === 0) out.bit(this.#isLongRepeat, this.#matchIndex(), 1);
    else {
      out.bit(this.#isNotSecond, this.#state, index === 1 ? 0 : 1);
      if (index > 1) out.bit(this.#isNotThird, this.#state, index - 2);
    }
    this.#repeatLength.encode(out, length, this.#position % POSITION_STATES);
    this.#remember(this.#recent[index] ?? 1, index);
    this.#state = stateAfterRepeat(this.#state);
    this.#position += length;
  }

  #match({ length, distance }: Match): void {
    this.#out.bit(this.#isMatch, this.#matchIndex(), 1);
    this.#out.bit(this.#isRepeat, this.#state, 0);
    this.#matchLength.encode(this.#out, length, this.#position % POSITION_STATES);
    this.#distance(distance - 1, Math.min(length - SHORTEST_MATCH, LENGTH_STATES - 1));
    this.#remember(distance, 3);
    this.#state = stateAfterMatch(this.#state);
    this.#position += length;
  }

  /** @param value distance, from 0 */
  #distance(value: number, lengthState: number): void {
    const out = this.#out;
    const slot = distanceSlot(value);
    out.tree(this.#slots, lengthState << DISTANCE_SLOT_BITS, DISTANCE_SLOT_BITS, slot);
    if (slot < FIRST_SLOT_WITH_BITS) return;
    const bits = (slot >> 1) - 1;
    const base = (2 | (slot & 1)) << bits;
    if (slot < FIRST_DIRECT_SLOT) out.reverseTree(this.#distances, base - slot, bits, value - base);
    else {
      out.direct((value - base) >>> ALIGN_BITS, bits - ALIGN_BITS);
      out.reverseTree(this.#align, 0, ALIGN_BITS, value & ((1 << ALIGN_BITS) - 1));
    }
  }

  #beginRepeat(): void {
    this.#out.bit(this.#isMatch, this.#matchIndex(), 1);
    this.#out.bit(this.#isRepeat, this.#state, 1);
  }

  #matchIndex(): number {
    return this.#state * POSITION_STATES + (this.#position % POSITION_STATES);
  }

  #remember(distance: number, index: number): void {
    this.#recent.splice(index, 1);
    this.#recent.unshift(distance);
  }
}

/** Lengths of matches: short ones in few bits (LZMA specification, "The match length decoder"). */
class LengthEncoder {
  readonly #choice = evenProbabilities(2);
  readonly #low = evenProbabilities(POSITION_STATES << LENGTH_LOW_BITS);
  readonly #mid = evenProbabilities(POSITION_STATES << LENGTH_MID_BITS);
  readonly #high = evenProbabilities(1 << LENGTH_HIGH_BITS);

  encode(out: RangeEncoder, length: number, positionState: number): void {
    const value = length - SHORTEST_MATCH;
    const lows = 1 << LENGTH_LOW_BITS;
    const mids = 1 << LENGTH_MID_BITS;
    out.bit(this.#choice, 0, value < lows ? 0 : 1);
    if (value < lows) return out.tree(this.#low, positionState << LENGTH_LOW_BITS, LENGTH_LOW_BITS, value);
    out.bit(this.#choice, 1, value < lows + mids ? 0 : 1);
    if (value < lows + mids) {
      return out.tree(this.#mid, positionState << LENGTH_MID_BITS, LENGTH_MID_BITS, value - lows);
    }
    return out.tree(this.#high, 0, LENGTH_HIGH_BITS, value - lows - mids);
  }
}

/** Twice the place of the highest bit, and the bit below it. */
function distanceSlot(value: number): number {
  if (value < FIRST_SLOT_WITH_BITS) return value;
  const highest = 31 - Math.clz32(value);
  return (highest << 1) | ((value >>> (highest - 1)) & 1);
}

/** A recent distance costs next to nothing, a far one as many bits as it has. */
function isRepeatBetter(repeat: Repeat, match: Match): boolean {
  if (repeat.length + 1 >= match.length) return true;
  if (repeat.length + 2 >= match.length) return match.distance > 1 << 9;
  return repeat.length + 3 >= match.length && match.distance > 1 << 15;
}

function isWorthwhile({ length, distance }: Match): boolean {
  if (length < 3) return false;
  return length > 3 || distance <= 1 << 12;
}
