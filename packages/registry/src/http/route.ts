/** What a path of the distribution specification asks for (distribution-spec, "Endpoints"). */

import { type Digest, isDigest, isRepositoryName, isTag } from '@slipway/oci';
import { RegistryFailure } from '../failure.ts';

/** `<reference>` of a manifest. */
export type ManifestReference =
  | { readonly kind: 'tag'; readonly tag: string }
  | { readonly kind: 'digest'; readonly digest: Digest }
  /** Neither: nothing can be found there, and nothing pushed. */
  | { readonly kind: 'invalid'; readonly text: string };

/** What is asked for, every part of it checked. */
export type Route =
  | { readonly kind: 'base' }
  | { readonly kind: 'token' }
  | { readonly kind: 'catalog' }
  | { readonly kind: 'tags'; readonly repository: string }
  | { readonly kind: 'referrers'; readonly repository: string; readonly digest: Digest }
  | { readonly kind: 'manifest'; readonly repository: string; readonly reference: ManifestReference }
  | { readonly kind: 'blob'; readonly repository: string; readonly digest: Digest }
  | { readonly kind: 'uploads'; readonly repository: string }
  | { readonly kind: 'upload'; readonly repository: string; readonly id: string };

const UPLOAD_ID = /^[0-9a-f]{32}$/;
/** A repository may itself be called `a/blobs/b`: the last words that fit are the endpoint. */
const ENDPOINT =
  /^\/v2\/(?<name>.+)\/(?:(?<tags>tags\/list)|manifests\/(?<reference>[^/]+)|blobs\/uploads(?:\/(?<upload>[^/]*))?|blobs\/(?<blob>[^/]+)|referrers\/(?<subject>[^/]+))$/;

/**
 * Reads the path of a request, without its query.
 *
 * INVARIANT: every repository name, tag, digest and upload id that leaves here fits its grammar, none of which has
 * room for `..`, an empty component or a NUL byte. Paths on disk are made of nothing else.
 *
 * @param path as sent, percent-encoded or not
 * @throws RegistryFailure NAME_INVALID, DIGEST_INVALID, BLOB_UPLOAD_UNKNOWN, or 404 for what is no endpoint
 */
export function parseRoute(path: string): Route {
  const decoded = decode(path);
  if (decoded === '/v2' || decoded === '/v2/') return { kind: 'base' };
  if (decoded === '/v2/_catalog') return { kind: 'catalog' };
  if (decoded === '/v2/token') return { kind: 'token' };
  const groups = ENDPOINT.exec(decoded)?.groups;
  if (groups === undefined) throw noEndpoint();
  const { name: repository = '', tags, reference, upload, blob, subject } = groups;
  if (!isRepositoryName(repository)) {
    throw new RegistryFailure('NAME_INVALID', 'the repository name does not fit the grammar');
  }
  if (tags !== undefined) return { kind: 'tags', repository };
  if (reference !== undefined) return { kind: 'manifest', repository, reference: toReference(reference) };
  if (blob !== undefined) return { kind: 'blob', repository, digest: toDigest(blob) };
  if (subject !== undefined) return { kind: 'referrers', repository, digest: toDigest(subject) };
  if (upload === undefined || upload === '') return { kind: 'uploads', repository };
  if (!UPLOAD_ID.test(upload)) {
    throw new RegistryFailure('BLOB_UPLOAD_UNKNOWN', 'there is no such upload');
  }
  return { kind: 'upload', repository, id: upload };
}

/**
 * A digest from outside.
 *
 * @throws RegistryFailure DIGEST_INVALID
 */
export function toDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new RegistryFailure(
    'DIGEST_INVALID',
    'a digest is sha256 or sha512 and lower-case hexadecimal digits',
  );
}

function toReference(text: string): ManifestReference {
  if (isDigest(text)) return { kind: 'digest', digest: text };
  return isTag(text) ? { kind: 'tag', tag: text } : { kind: 'invalid', text };
}

function decode(path: string): string {
  if (!path.includes('%')) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    throw noEndpoint();
  }
}

function noEndpoint(): RegistryFailure {
  return new RegistryFailure('UNSUPPORTED', 'there is nothing at this address', { status: 404 });
}
