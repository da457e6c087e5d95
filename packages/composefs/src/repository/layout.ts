import { SlipwayError } from '@slipway/core';
import { digestBytesOf, type VerityAlgorithm } from '../verity/algorithm.ts';

/** Names inside a repository (DESIGN.md section 3; the layout of composefs-rs, composefs-format section 13). */
export const META_FILE = 'meta.json';
export const OBJECTS_DIRECTORY = 'objects';
export const IMAGES_DIRECTORY = 'images';
export const STREAMS_DIRECTORY = 'streams';
/** In `images/` and `streams/`. */
export const REFERENCES_DIRECTORY = 'refs';
/** Holds unfinished files, only where the file system has no O_TMPFILE, and links before they are renamed. */
export const TEMP_DIRECTORY = 'tmp';

const HEX = /^[0-9a-f]+$/;
const STREAM_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.:+@%=-]{0,254}$/;

/** Whether a text is a digest of this algorithm: lower case hex of the right length. */
export function isDigestHex(text: string, algorithm: VerityAlgorithm): boolean {
  return text.length === digestBytesOf(algorithm) * 2 && HEX.test(text);
}

/**
 * Place of an object below `objects/`: `ab/cdef…`.
 *
 * @throws SlipwayError OBJECT_MISSING when the digest is none: no object can have that name
 */
export function objectName(digestHex: string): string {
  if (!isDigestHex(digestHex, digestHex.length === 64 ? 'sha256' : 'sha512')) {
    throw new SlipwayError(
      'OBJECT_MISSING',
      `cannot find object ${JSON.stringify(digestHex.slice(0, 140))}: not a digest`,
    );
  }
  return `${digestHex.slice(0, 2)}/${digestHex.slice(2)}`;
}

/** Whether a record may be called this: letters, digits and `_.:+@%=-`, not beginning with a dot, at most 255. */
export function isStreamName(name: string): boolean {
  return STREAM_NAME.test(name);
}
