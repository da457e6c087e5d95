/** Takes the signatures of an image along to where the image was copied. */
import type { OperationOptions } from '@slipway/core';
import type { Descriptor, Digest } from '../image.ts';
import { openTarget } from '../open-image.ts';
import type { LayoutReference, Reference, RegistryReference } from '../reference.ts';
import type { RegistryOptions } from '../registry/source.ts';
import type { ImageTarget } from '../target.ts';
import {
  type AttachedManifest,
  type Attachments,
  openAttachments,
  signatureTag,
  storedTag,
} from './attachments.ts';
import { COSIGN_ANNOTATIONS } from './cosign-signature.ts';
import { streamOf } from './put-bytes.ts';
import { putReferrer } from './sign-bundle.ts';
import { putSignatureManifest } from './sign-image.ts';
import { BUNDLE_TYPE } from './sigstore-bundles.ts';

/** Larger blobs are no part of a signature. */
const MAX_BLOB_BYTES = 4 * 2 ** 20;

/**
 * Copies what is signed about manifests, verified against its digests and judged by nobody. Signatures that are there stay.
 *
 * @param signed the manifests, and the index, that were copied
 * @returns how many signatures are there now that came from the source
 */
export async function copySignatures(
  from: Reference,
  to: RegistryReference | LayoutReference,
  signed: readonly Digest[],
  options: RegistryOptions & OperationOptions = {},
): Promise<number> {
  await using source = await openAttachments(from, options);
  await using there = await openAttachments(to, options);
  await using target = await openTarget(to, options);
  let count = 0;
  for (const digest of signed) {
    const tag = signatureTag(digest);
    const tagged = await source.tagged(tag, options);
    if (tagged !== undefined) {
      const before = await there.tagged(tag, options);
      count += await copyTagged(source, tagged, before, target, storedTag(to, tag), options);
    }
    for (const referrer of await source.referrers(digest, BUNDLE_TYPE, options)) {
      await copyBlobs(source, [referrer.manifest.config, ...referrer.manifest.layers], target, options);
      await putReferrer(to, digest, referrer.bytes, target, options);
      count += 1;
    }
  }
  return count;
}

async function copyTagged(
  source: Attachments,
  { manifest }: AttachedManifest,
  before: AttachedManifest | undefined,
  target: ImageTarget,
  tag: string,
  options: OperationOptions,
): Promise<number> {
  const kept = before?.manifest.layers ?? [];
  const known = new Set(kept.map(identityOf));
  const added = manifest.layers.filter((layer) => !known.has(identityOf(layer)));
  if (added.length > 0) {
    await copyBlobs(source, added, target, options);
    await putSignatureManifest([...kept, ...added], target, tag, options);
  }
  return manifest.layers.length;
}

/** Two signatures of one text differ only in what is said about it. */
function identityOf({ digest, annotations }: Descriptor): string {
  return `${digest} ${annotations?.[COSIGN_ANNOTATIONS.signature] ?? ''}`;
}

async function copyBlobs(
  source: Attachments,
  blobs: readonly Descriptor[],
  target: ImageTarget,
  options: OperationOptions,
): Promise<void> {
  for (const blob of blobs) {
    if (await target.hasBlob(blob, options)) continue;
    const bytes = await source.blob(blob, MAX_BLOB_BYTES, options);
    await target.putBlob(blob, () => streamOf(bytes), options);
  }
}
