/**
 * LZMA as in the LZMA specification of 2015 ("lzma-specification"), with the parameters GRUB's decompressor is built for: three bits of
 * the byte before choose among literal coders, two bits of the position among the others, no end marker, no header.
 */

/** Bits of the previous byte that choose a literal coder (`lc`). */
export const LITERAL_CONTEXT_BITS = 3;
/** Bits of the position that choose among coders (`pb`). */
export const POSITION_BITS = 2;
export const POSITION_STATES: number = 1 << POSITION_BITS;

/** States of the coder: what the last few symbols were (section "State"). */
export const STATES = 12;
/** From this state on the last symbol was a match. */
export const FIRST_MATCH_STATE = 7;

export const SHORTEST_MATCH = 2;
export const LONGEST_MATCH = 273;

/** Coders of one literal: a tree of 256, and twice that for the byte where a match would have gone on. */
export const LITERAL_CODERS = 0x300;

export const LENGTH_LOW_BITS = 3;
export const LENGTH_MID_BITS = 3;
export const LENGTH_HIGH_BITS = 8;

/** Lengths of 2, 3, 4, and more have distance coders of their own. */
export const LENGTH_STATES = 4;
export const DISTANCE_SLOT_BITS = 6;
/** Below this slot the distance is the slot. */
export const FIRST_SLOT_WITH_BITS = 4;
/** From this slot on the middle bits are not modelled. */
export const FIRST_DIRECT_SLOT = 14;
export const ALIGN_BITS = 4;
/** Coders of the low bits of slots 4 to 13. */
export const DISTANCE_CODERS: number = 1 + 128 - FIRST_DIRECT_SLOT;

/** Bits of a probability, and how fast it adapts. */
export const PROBABILITY_BITS = 11;
export const ADAPTION_SHIFT = 5;

export function stateAfterLiteral(state: number): number {
  if (state < 4) return 0;
  return state < 10 ? state - 3 : state - 6;
}

export function stateAfterMatch(state: number): number {
  return state < FIRST_MATCH_STATE ? 7 : 10;
}

export function stateAfterRepeat(state: number): number {
  return state < FIRST_MATCH_STATE ? 8 : 11;
}

export function stateAfterShortRepeat(state: number): number {
  return state < FIRST_MATCH_STATE ? 9 : 11;
}
