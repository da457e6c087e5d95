/** Images that came into the layout by another way than through the registry: `slipway push`, skopeo, umoci. */

import type { Digest } from '@slipway/oci';
import { parseStored } from './manifest.ts';
import type { Members } from './members.ts';

/** Indexes may hold indexes; nobody nests deeper than this. */
const MAX_DEPTH = 4;

/** The part of a store that is needed for it. */
export interface Adopter {
  readonly members: Members;
  hasBytes(digest: Digest): Promise<boolean>;
  readManifest(digest: Digest): Promise<Uint8Array>;
}

/**
 * Makes an image whose tag stands in `index.json` part of its repository, with every blob it has here. What a power cut leaves
 * out is done at the next start: the record of a manifest comes after those of its parts.
 *
 * The caller holds the lock of the store.
 */
export async function adoptImage(
  store: Adopter,
  repository: string,
  digest: Digest,
  depth: number = MAX_DEPTH,
): Promise<void> {
  if (depth === 0 || (await store.members.manifest(repository, digest)) !== undefined) return;
  // An index of a layout need not have all its images.
  if (!(await store.hasBytes(digest))) return;
  const { record, blobs, manifests } = await parseStored(await store.readManifest(digest));
  for (const blob of blobs) {
    if (await store.hasBytes(blob)) await store.members.addBlob(repository, blob);
  }
  for (const manifest of manifests) await adoptImage(store, repository, manifest, depth - 1);
  await store.members.addManifest(repository, digest, record);
}
