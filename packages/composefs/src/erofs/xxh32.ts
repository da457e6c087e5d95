const PRIME1 = 0x9e3779b1;
const PRIME2 = 0x85ebca77;
const PRIME3 = 0xc2b2ae3d;
const PRIME4 = 0x27d4eb2f;
const PRIME5 = 0x165667b1;

/**
 * XXH32 of a byte string, as the name filter of EROFS attributes wants it.
 *
 * @returns an unsigned 32-bit number
 * @see the xxHash specification, "XXH32 algorithm description"
 */
export function xxh32(text: string, seed: number): number {
  const length = text.length;
  let offset = 0;
  let hash: number;
  if (length >= 16) {
    let lane1 = (seed + PRIME1 + PRIME2) | 0;
    let lane2 = (seed + PRIME2) | 0;
    let lane3 = seed | 0;
    let lane4 = (seed - PRIME1) | 0;
    for (; offset + 16 <= length; offset += 16) {
      lane1 = round(lane1, wordAt(text, offset));
      lane2 = round(lane2, wordAt(text, offset + 4));
      lane3 = round(lane3, wordAt(text, offset + 8));
      lane4 = round(lane4, wordAt(text, offset + 12));
    }
    hash = rotate(lane1, 1) + rotate(lane2, 7) + rotate(lane3, 12) + rotate(lane4, 18);
  } else {
    hash = seed + PRIME5;
  }
  hash = (hash + length) | 0;
  for (; offset + 4 <= length; offset += 4) {
    hash = Math.imul(rotate(hash + Math.imul(wordAt(text, offset), PRIME3), 17), PRIME4);
  }
  for (; offset < length; offset += 1) {
    hash = Math.imul(rotate(hash + Math.imul(text.charCodeAt(offset), PRIME5), 11), PRIME1);
  }
  return avalanche(hash);
}

function avalanche(value: number): number {
  let hash = Math.imul(value ^ (value >>> 15), PRIME2);
  hash = Math.imul(hash ^ (hash >>> 13), PRIME3);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function round(lane: number, word: number): number {
  return Math.imul(rotate((lane + Math.imul(word, PRIME2)) | 0, 13), PRIME1);
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function wordAt(text: string, offset: number): number {
  return (
    text.charCodeAt(offset) |
    (text.charCodeAt(offset + 1) << 8) |
    (text.charCodeAt(offset + 2) << 16) |
    (text.charCodeAt(offset + 3) << 24)
  );
}
