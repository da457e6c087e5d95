/** Names for the content of files: equal for equal bytes, whether they are in an image or on the live system. */
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import {
  type FileContent,
  INLINE_LIMIT_BYTES,
  measureStream,
  type VerityAlgorithm,
} from '@slipway/composefs';

/** The content name of a file of an image. */
export function contentOfImageFile(content: FileContent): string {
  if (content.kind === 'inline') return inlineName(content.bytes);
  // A tree without digests cannot be compared: each such file differs from every other.
  return content.digest === undefined
    ? `unknown:${content.payload ?? ''}`
    : Buffer.from(content.digest).toString('hex');
}

/** The content name of a file on the live system; reads it once. */
export async function contentOfLiveFile(
  path: Buffer,
  sizeBytes: number,
  algorithm: VerityAlgorithm,
): Promise<string> {
  if (sizeBytes <= INLINE_LIMIT_BYTES) return inlineName(await readFile(path));
  const { digest } = await measureStream(createReadStream(path), algorithm);
  return digest.toString('hex');
}

function inlineName(bytes: Uint8Array): string {
  return `inline:${Buffer.from(bytes).toString('hex')}`;
}
