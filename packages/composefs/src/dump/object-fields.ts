import type { Fields } from './fields.ts';

/** What is taken for digests at a time: a buffer of its own for each costs twice as much. */
const SLAB_BYTES = 64 * 1024;
const SLASH = 0x2f;

/** The value of a lower-case hexadecimal digit by its character code. */
const DIGIT_VALUES: Uint8Array = new Uint8Array(256).fill(0xff);
for (let value = 0; value < 16; value += 1) DIGIT_VALUES[value.toString(16).charCodeAt(0)] = value;

let slab = Buffer.alloc(0);
let slabUsed = 0;

/**
 * The digest in the field found last, where it is as every writer has it: SHA-256 in lower case, behind the path it
 * implies. Undefined for anything else, which is not wrong for that.
 *
 * @param path where the path of the object begins
 * @param pathEnd right after it
 */
export function usualDigest(fields: Fields, path: number, pathEnd: number): Buffer | undefined {
  if (fields.length !== 64 || pathEnd - path !== 65) return undefined;
  const { bytes, from } = fields;
  if (bytes[path + 2] !== SLASH) return undefined;
  if (slabUsed + 32 > slab.length) {
    slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
    slabUsed = 0;
  }
  for (let index = 0; index < 32; index += 1) {
    const at = index * 2;
    const high = bytes[from + at] ?? 0;
    const low = bytes[from + at + 1] ?? 0;
    const inPath = path + at + (index === 0 ? 0 : 1);
    const value = ((DIGIT_VALUES[high] ?? 0) << 4) | (DIGIT_VALUES[low] ?? 0);
    if (value > 0xff || DIGIT_VALUES[low] === 0xff) return undefined;
    if (bytes[inPath] !== high || bytes[inPath + 1] !== low) return undefined;
    slab[slabUsed + index] = value;
  }
  slabUsed += 32;
  return slab.subarray(slabUsed - 32, slabUsed);
}
