/**
 * Where a registry keeps what an OCI layout has no place for:
 *
 *     oci-layout, index.json, blobs/                  the layout (image-spec image-layout.md); tags are its entries, named REPOSITORY:TAG
 *     .slipway-registry/repositories/NAME/
 *         _blobs/sha256/<hex>                         empty: the blob may be pulled from this repository
 *         _manifests/sha256/<hex>                     JSON: the same of a manifest, with what lists say of it
 *         _referrers/sha256-<hex>/sha256-<hex>        empty: the second manifest has the first as its subject
 *     .slipway-registry/uploads/<id>                  bytes that have come so far
 *     .slipway-registry/temporary/<random>            files about to be renamed into place
 *
 * No component of a repository name starts with "_", so names cannot meet the directories between them.
 */

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { type Digest, digestAlgorithm, digestHex } from '@slipway/oci';

const OWN = '.slipway-registry';

/** Directory of all repositories. */
export function repositoriesPath(root: string): string {
  return join(root, OWN, 'repositories');
}

/** Directory of uploads. */
export function uploadsPath(root: string): string {
  return join(root, OWN, 'uploads');
}

/** Directory of files about to be renamed into place. */
export function temporaryPath(root: string): string {
  return join(root, OWN, 'temporary');
}

/** Bytes of one upload. The file's name ties it to its repository: another repository's path leads nowhere. */
export function uploadPath(root: string, repository: string, id: string): string {
  const tie = createHash('sha256').update(repository).digest('hex').slice(0, 16);
  return join(uploadsPath(root), `${tie}-${id}`);
}

/** What a repository keeps a record of. */
export type MemberKind = '_blobs' | '_manifests';

/** Directory of the records of one kind and algorithm. */
export function memberDirectory(
  root: string,
  repository: string,
  kind: MemberKind,
  algorithm: string,
): string {
  return join(repositoriesPath(root), repository, kind, algorithm);
}

/** The record of one blob or manifest. */
export function memberPath(root: string, repository: string, kind: MemberKind, digest: Digest): string {
  return join(memberDirectory(root, repository, kind, digestAlgorithm(digest)), digestHex(digest));
}

/** Directory that lists the manifests whose subject is the digest. */
export function referrersPath(root: string, repository: string, subject: Digest): string {
  return join(repositoriesPath(root), repository, '_referrers', fileNameOf(subject));
}

/** A digest where a colon would be awkward: `sha256-<hex>`. */
export function fileNameOf(digest: Digest): string {
  return digest.replace(':', '-');
}
