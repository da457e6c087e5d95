/**
 * An image as plain files in a directory (containers-transports(5), `dir:`): `manifest.json`, blobs named by the hexadecimal part
 * of their digest, manifests of an index as `HEX.manifest.json`, and `version`.
 */

import { join } from 'node:path';
import { digestHex } from '../digest.ts';
import type { Digest } from '../image.ts';

/** First line of `version`; what follows the colon grows with the format. */
export const VERSION_PREFIX = 'Directory Transport Version:';
/** What is written: the form with manifests of an index. */
export const VERSION: string = `${VERSION_PREFIX} 1.1\n`;

/** Files of a directory. */
export const DIRECTORY_FILES = {
  version: (path: string): string => join(path, 'version'),
  manifest: (path: string): string => join(path, 'manifest.json'),
  part: (path: string, digest: Digest): string => join(path, `${digestHex(digest)}.manifest.json`),
  blob: (path: string, digest: Digest): string => join(path, digestHex(digest)),
} as const;

/** Whether a file name is one that blobs and manifests of an index have. */
export function isBlobName(name: string): boolean {
  return /^(?:[0-9a-f]{64}|[0-9a-f]{128})(?:\.manifest\.json)?$/.test(name);
}
