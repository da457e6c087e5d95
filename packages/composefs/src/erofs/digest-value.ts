import { algorithmOfDigest, kernelAlgorithmNumber } from '../verity/algorithm.ts';

/** A value of an attribute that follows from the digest of an object. */
export interface DigestValue {
  sizeBytes(digest: Uint8Array): number;
  /** Writes the value at `offset`. */
  write(digest: Uint8Array, into: Uint8Array, offset: number): void;
}

/** `struct ovl_metacopy`: version 0, length, flags 0, algorithm, digest. */
export const METACOPY: DigestValue = {
  sizeBytes: (digest) => METACOPY_HEADER_BYTES + digest.length,
  write(digest, into, offset) {
    into[offset] = 0;
    into[offset + 1] = METACOPY_HEADER_BYTES + digest.length;
    into[offset + 2] = 0;
    into[offset + 3] = kernelAlgorithmNumber(algorithmOfDigest(digest) ?? 'sha256');
    into.set(digest, offset + METACOPY_HEADER_BYTES);
  },
};

/** Where the object is, from the root of the object store: `/ab/cdef…`. */
export const REDIRECT: DigestValue = {
  sizeBytes: (digest) => digest.length * 2 + 2,
  write(digest, into, offset) {
    into[offset] = SLASH;
    let at = offset + 1;
    for (let index = 0; index < digest.length; index += 1) {
      const byte = digest[index] ?? 0;
      into[at] = DIGITS[byte >> 4] ?? 0;
      into[at + 1] = DIGITS[byte & 15] ?? 0;
      at += 2;
      if (index !== 0) continue;
      into[at] = SLASH;
      at += 1;
    }
  },
};

/** The value as a latin1 string. */
export function digestValueText(value: DigestValue, digest: Uint8Array): string {
  const bytes = Buffer.alloc(value.sizeBytes(digest));
  value.write(digest, bytes, 0);
  return bytes.toString('latin1');
}

const METACOPY_HEADER_BYTES = 4;
const SLASH = 0x2f;
/** Digits as character codes. */
const DIGITS = Buffer.from('0123456789abcdef');
