import { mkdir, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { type LayoutReference, MEDIA_TYPES, openLayoutWriter } from '@slipway/oci';

/**
 * Turns what `push dir:` of the container tools wrote (blobs named by their SHA-256, beside `manifest.json`) into an OCI
 * layout. Blobs are moved, not copied.
 */
export async function layoutOfDirectory(directory: string, layoutPath: string): Promise<LayoutReference> {
  await using layout = await openLayoutWriter(layoutPath);
  const blobs = join(layoutPath, 'blobs', 'sha256');
  await mkdir(blobs, { recursive: true });
  for (const name of await readdir(directory)) {
    if (/^[0-9a-f]{64}$/.test(name)) await rename(join(directory, name), join(blobs, name));
  }
  const manifest = await readFile(join(directory, 'manifest.json'));
  await layout.putManifest(manifest, MEDIA_TYPES.manifest, 'image');
  return { kind: 'oci', path: layoutPath, tag: 'image', digest: undefined };
}
