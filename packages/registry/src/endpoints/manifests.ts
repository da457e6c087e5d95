/** Manifests: GET, HEAD, PUT, DELETE by tag and by digest (distribution-spec, "Pulling manifests" and on). */

import { isSlipwayError } from '@slipway/core';
import { type Digest, digestAlgorithm, digestOf, isTag, MAX_MANIFEST_BYTES } from '@slipway/oci';
import { RegistryFailure } from '../failure.ts';
import type { Exchange } from '../http/exchange.ts';
import type { ManifestReference } from '../http/route.ts';
import { parsePushed } from '../store/manifest.ts';
import {
  CONTENT_DIGEST,
  type EndpointContext,
  etagOf,
  FOR_EVER,
  hasAlready,
  manifestLocation,
} from './context.ts';

/** A manifest of a repository. */
interface ManifestRoute {
  readonly repository: string;
  readonly reference: ManifestReference;
}

/** GET and HEAD of a manifest, as it was pushed. */
export async function getManifest(
  { repository, reference }: ManifestRoute,
  exchange: Exchange,
  { store }: EndpointContext,
): Promise<void> {
  const found = await store.findManifest(repository, reference);
  if (found === undefined) throw unknown(reference);
  const { digest, record } = found;
  const cacheControl = reference.kind === 'digest' ? FOR_EVER : 'no-cache';
  const headers = { [CONTENT_DIGEST]: digest, etag: etagOf(digest), 'cache-control': cacheControl };
  if (hasAlready(exchange.header('if-none-match'), digest)) {
    exchange.send(304, headers);
    return;
  }
  const bytes = await store.readManifest(digest).catch((error: unknown) => {
    throw isSlipwayError(error, 'OCI_NOT_FOUND') ? unknown(reference) : error;
  });
  exchange.send(200, { ...headers, 'content-type': record.mediaType }, bytes);
}

/**
 * PUT of a manifest or index, all of whose parts are in the repository. Under its digest it may get tags at once, `?tag=v1&tag=v2`
 * (distribution-spec after 1.1, "Pushing Manifests"): the only way to name one whose digest is not SHA-256.
 */
export async function putManifest(
  { repository, reference }: ManifestRoute,
  exchange: Exchange,
  { store, log }: EndpointContext,
): Promise<void> {
  if (reference.kind === 'invalid') throw invalidReference(reference.text);
  const mediaType = (exchange.header('content-type') ?? '').split(';')[0]?.trim() ?? '';
  const bytes = await exchange.document(MAX_MANIFEST_BYTES);
  const digest = digestFor(bytes, reference);
  const manifest = await parsePushed(bytes, mediaType);
  const tags = reference.kind === 'tag' ? [reference.tag] : tagParameters(exchange);
  await store.putManifest(repository, digest, bytes, manifest, tags);
  log.info('manifest pushed', { repository, tags: tags.join(' '), digest });
  const { subject } = manifest.record;
  exchange.send(201, {
    location: manifestLocation(repository, digest),
    [CONTENT_DIGEST]: digest,
    ...(subject === undefined ? {} : { 'oci-subject': subject }),
    ...(reference.kind === 'tag' || tags.length === 0 ? {} : { 'oci-tag': tags.join(', ') }),
  });
}

/** More tags than anybody gives at once would only make the answer too long. */
const MAX_TAGS = 20;

function tagParameters({ query }: Exchange): readonly string[] {
  const tags = [...new Set(query.getAll('tag'))];
  const wrong = tags.find((tag) => !isTag(tag));
  if (wrong !== undefined || tags.length > MAX_TAGS) {
    throw new RegistryFailure(
      'MANIFEST_INVALID',
      `there are more than ${MAX_TAGS} tags, or one does not fit the grammar`,
    );
  }
  return tags;
}

/** DELETE of a tag, or of a manifest with all its tags. */
export async function deleteManifest(
  { repository, reference }: ManifestRoute,
  exchange: Exchange,
  { store, log }: EndpointContext,
): Promise<void> {
  if (!(await store.removeManifest(repository, reference))) throw unknown(reference);
  log.info('manifest deleted', { repository, reference: textOf(reference) });
  exchange.send(202);
}

function digestFor(bytes: Uint8Array, reference: ManifestReference): Digest {
  if (reference.kind !== 'digest') return digestOf(bytes);
  const actual = digestOf(bytes, digestAlgorithm(reference.digest));
  if (actual === reference.digest) return actual;
  throw new RegistryFailure('DIGEST_INVALID', `the manifest has the digest ${actual}`, {
    detail: { digest: reference.digest },
  });
}

function invalidReference(text: string): RegistryFailure {
  return text.includes(':')
    ? new RegistryFailure('DIGEST_INVALID', 'the digest of the manifest does not parse')
    : new RegistryFailure('MANIFEST_INVALID', 'the tag does not fit the grammar');
}

function unknown(reference: ManifestReference): RegistryFailure {
  return new RegistryFailure('MANIFEST_UNKNOWN', 'the repository has no such manifest', {
    detail: { reference: textOf(reference) },
  });
}

function textOf(reference: ManifestReference): string {
  if (reference.kind === 'tag') return reference.tag;
  return reference.kind === 'digest' ? reference.digest : reference.text;
}
