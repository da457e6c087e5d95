import { createHash } from 'node:crypto';
import { uuidBytes } from '../uuid.ts';

/**
 * The hash that orders an indexed directory: "half MD4", three rounds of eight steps over 32 bytes of the name at a time
 * (kernel: fs/ext4/hash.c), with name bytes taken as signed.
 */

const ROUND_2 = 0x5a827999;
const ROUND_3 = 0x6ed9eba1;
const CHUNK_BYTES = 32;
/** Means "past the last name" and therefore is no hash. */
const END_OF_DIRECTORY = 0xfffffffe;

/** The seed of a file system's directory hashes, 16 bytes; it need not be secret, only its own. */
export function hashSeedOf(uuid: string): Buffer {
  return createHash('sha256').update('ext4 hash seed\0').update(uuidBytes(uuid)).digest().subarray(0, 16);
}

/** Hash of a name, bytes as a latin1 string; the lowest bit is always clear. */
export function nameHash(name: string, seed: Buffer): number {
  const state = new Int32Array(4);
  for (let index = 0; index < 4; index += 1) state[index] = seed.readInt32LE(index * 4);
  const words = new Int32Array(8);
  for (let at = 0; at < name.length; at += CHUNK_BYTES) {
    fillWords(words, name, at);
    transform(state, words);
  }
  const hash = ((state[1] ?? 0) & ~1) >>> 0;
  return hash === END_OF_DIRECTORY ? END_OF_DIRECTORY - 2 : hash;
}

/** Four bytes to a word, first byte highest; what is left is padded with the length of the rest. */
function fillWords(words: Int32Array, name: string, start: number): void {
  const rest = name.length - start;
  const length = Math.min(rest, CHUNK_BYTES);
  const pad = Math.imul(rest, 0x01010101);
  let value = pad;
  let filled = 0;
  for (let index = 0; index < length; index += 1) {
    const byte = (name.charCodeAt(start + index) << 24) >> 24;
    value = (byte + (value << 8)) | 0;
    if (index % 4 === 3) {
      words[filled] = value;
      filled += 1;
      value = pad;
    }
  }
  if (filled < words.length) words[filled] = value;
  words.fill(pad, filled + 1);
}

type Mix = (x: number, y: number, z: number) => number;

const choose: Mix = (x, y, z) => z ^ (x & (y ^ z));
const majority: Mix = (x, y, z) => (x & y) + ((x ^ y) & z);
const parity: Mix = (x, y, z) => x ^ y ^ z;

/** Order of the words, shifts and constant of each round. */
const ROUNDS: readonly { mix: Mix; add: number; order: readonly number[]; shifts: readonly number[] }[] = [
  { mix: choose, add: 0, order: [0, 1, 2, 3, 4, 5, 6, 7], shifts: [3, 7, 11, 19] },
  { mix: majority, add: ROUND_2, order: [1, 3, 5, 7, 0, 2, 4, 6], shifts: [3, 5, 9, 13] },
  { mix: parity, add: ROUND_3, order: [3, 7, 2, 6, 1, 5, 0, 4], shifts: [3, 9, 11, 15] },
];

function transform(state: Int32Array, words: Int32Array): void {
  let [a = 0, b = 0, c = 0, d = 0] = state;
  for (const { mix, add, order, shifts } of ROUNDS) {
    for (const [step, index] of order.entries()) {
      const sum = (a + mix(b, c, d) + (words[index] ?? 0) + add) | 0;
      const shift = shifts[step & 3] ?? 0;
      // What was stepped becomes the second of the four: a, d, c and b are stepped in turn.
      [a, d, c, b] = [d, c, b, (sum << shift) | (sum >>> (32 - shift))];
    }
  }
  state[0] = (state[0] ?? 0) + a;
  state[1] = (state[1] ?? 0) + b;
  state[2] = (state[2] ?? 0) + c;
  state[3] = (state[3] ?? 0) + d;
}
