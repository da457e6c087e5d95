import { createReadStream } from 'node:fs';
import type { OperationOptions } from '@slipway/core';
import {
  type Digest,
  digestAlgorithm,
  digestHex,
  EMPTY_CONFIG,
  type LayoutReference,
  MEDIA_TYPES,
  openLayoutWriter,
  openTarget,
  type RegistryReference,
} from '@slipway/oci';
import { DELTA_ARTIFACT_TYPE, DELTA_LAYER_TYPE } from './artefact.ts';
import type { CreatedDelta } from './create-delta.ts';

/**
 * Puts a delta where hosts look for it: beside the new image. A tag of the reference does not matter; in a registry the delta
 * is found as a referrer, in a layout by a tag made of both digests. The manifest comes last.
 *
 * @returns digest of the artefact
 * @throws SlipwayError what targets throw
 */
export async function pushDelta(
  delta: CreatedDelta,
  reference: RegistryReference | LayoutReference,
  options: OperationOptions = {},
): Promise<Digest> {
  const { manifest, layers } = delta;
  await using target = await openTarget(reference);
  for (const { path, digest, sizeBytes } of layers) {
    const descriptor = { mediaType: DELTA_LAYER_TYPE, digest, size: sizeBytes };
    if (await target.hasBlob(descriptor, options)) continue;
    await target.putBlob(descriptor, () => createReadStream(path) as AsyncIterable<Buffer>, options);
  }
  await target.putBlob(EMPTY_CONFIG.descriptor, () => once(EMPTY_CONFIG.bytes), options);
  await target.putManifest(manifest.bytes, MEDIA_TYPES.manifest, undefined, options);
  if (reference.kind === 'oci') await listInLayout(delta, reference);
  return manifest.digest;
}

/** A layout keeps no list of referrers: its index says of each entry what it is. */
async function listInLayout({ manifest }: CreatedDelta, { path, tag }: LayoutReference): Promise<void> {
  const { digest, subject, annotations, bytes } = manifest;
  const own = `${digestAlgorithm(subject)}-${digestHex(subject)}.${digestHex(digest).slice(0, 12)}`;
  // Where a layout holds a whole registry, tags begin with the repository.
  const repository = tag?.slice(0, tag.lastIndexOf(':') + 1) ?? '';
  await using layout = await openLayoutWriter(path);
  await layout.setTag(`${repository}${own}`, {
    mediaType: MEDIA_TYPES.manifest,
    artifactType: DELTA_ARTIFACT_TYPE,
    digest,
    size: bytes.length,
    annotations,
  });
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}
