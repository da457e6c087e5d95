import type { ByteString, FileContent } from '../tree.ts';
import { digestValueText, REDIRECT } from './digest-value.ts';

/** A body that is in the object store. */
export type ObjectContent = Extract<FileContent, { kind: 'object' }>;

const SLASH = 0x2f;
/** Digits as character codes. */
const DIGITS = Buffer.from('0123456789abcdef');

/** Path of an object in the store, `ab/cdef…`, by its fs-verity digest; empty without one. */
export function objectPath(digest: Uint8Array | undefined): string {
  return digest === undefined ? '' : digestValueText(REDIRECT, digest).slice(1);
}

/** Path of the object a file names, whether its digest implies it or not; empty for none. */
export function objectPathOf({ payload, digest }: ObjectContent): ByteString {
  return payload ?? objectPath(digest);
}

/** Whether a path is the one the digest implies. Asked for every file read, so no string is made for the answer. */
export function isObjectPath(path: ByteString, digest: Uint8Array | undefined): boolean {
  if (digest === undefined) return path === '';
  if (path.length !== digest.length * 2 + 1 || path.charCodeAt(2) !== SLASH) return false;
  for (let index = 0; index < digest.length; index += 1) {
    const at = index * 2 + (index === 0 ? 0 : 1);
    const byte = digest[index] ?? 0;
    if (path.charCodeAt(at) !== DIGITS[byte >> 4] || path.charCodeAt(at + 1) !== DIGITS[byte & 15]) {
      return false;
    }
  }
  return true;
}
