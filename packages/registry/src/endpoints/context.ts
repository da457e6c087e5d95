import type { Logger } from '@slipway/core';
import type { Digest } from '@slipway/oci';
import type { Store } from '../store/store.ts';

/** What every endpoint works on. */
export interface EndpointContext {
  readonly store: Store;
  readonly log: Logger;
  /** Largest blob that is taken. */
  readonly maxBlobBytes: number;
  /** Nothing is taken over from where this request asks to. */
  readonly refusesMount?: boolean;
}

/** Header every answer about one blob or manifest has (distribution-spec, "Legacy Docker support HTTP headers"). */
export const CONTENT_DIGEST = 'docker-content-digest';

/** What is named by its digest never changes. */
export const FOR_EVER = 'max-age=31536000, immutable';
/** The same where only who asked may keep it. */
export const PRIVATE = 'private, max-age=31536000, immutable';

/** The entity tag of what a digest names. */
export function etagOf(digest: Digest): string {
  return `"${digest}"`;
}

/** Whether `If-None-Match` says that the client has it already (RFC 9110, section 13.1.2). */
export function hasAlready(ifNoneMatch: string | undefined, digest: Digest): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch
    .split(',')
    .map((tag) => tag.trim().replace(/^W\//, ''))
    .some((tag) => tag === '*' || tag === etagOf(digest));
}

/** The path a blob can be pulled from. */
export function blobLocation(repository: string, digest: Digest): string {
  return `/v2/${repository}/blobs/${digest}`;
}

/** The path of a manifest. */
export function manifestLocation(repository: string, digest: Digest): string {
  return `/v2/${repository}/manifests/${digest}`;
}
