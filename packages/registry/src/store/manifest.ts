/** Manifests as a registry sees them: what they need to be pulled, and what lists say of them. */

import { isSlipwayError } from '@slipway/core';
import { type Digest, isDigest, type ManifestDocument, MEDIA_TYPES, parseManifest } from '@slipway/oci';
import { RegistryFailure } from '../failure.ts';
import { isObject, isStrings, type ManifestRecord } from './manifest-record.ts';

/** What is known of a manifest or index. */
export interface StoredManifest {
  readonly record: ManifestRecord;
  /** Configuration and layers, without those that are kept elsewhere by design. */
  readonly blobs: readonly Digest[];
  /** Manifests an index lists. */
  readonly manifests: readonly Digest[];
}

const KIND: Readonly<Record<string, ManifestDocument['kind']>> = {
  [MEDIA_TYPES.manifest]: 'manifest',
  [MEDIA_TYPES.dockerManifest]: 'manifest',
  [MEDIA_TYPES.index]: 'index',
  [MEDIA_TYPES.dockerIndex]: 'index',
};
/** image-spec layer.md, "Non-Distributable Layers"; Docker calls them foreign. */
const ELSEWHERE =
  /^application\/vnd\.(?:oci\.image\.layer\.nondistributable\.|docker\.image\.rootfs\.foreign\.)/;

/**
 * Reads a manifest as a client pushes it.
 *
 * @param mediaType of its `Content-Type`, without parameters
 * @throws RegistryFailure MANIFEST_INVALID
 */
export async function parsePushed(bytes: Uint8Array, mediaType: string): Promise<StoredManifest> {
  const kind = KIND[mediaType];
  if (kind === undefined) throw invalid(`manifests of type ${JSON.stringify(mediaType)} are not kept here`);
  let document: ManifestDocument;
  try {
    document = await parseManifest(bytes, 'the manifest');
  } catch (error) {
    if (isSlipwayError(error, 'OCI_MANIFEST_INVALID')) throw invalid(error.message, error);
    throw error;
  }
  const json = readObject(bytes);
  // One document must not be an index to one client and an image to another (CVE-2021-41190).
  const isAsCalled = json['mediaType'] === undefined || json['mediaType'] === mediaType;
  if (!isAsCalled || document.kind !== kind)
    throw invalid(`it is not what its Content-Type says, ${mediaType}`);
  return describe(document, json, mediaType, bytes.length);
}

/**
 * Reads a manifest that is in the layout, however it came there.
 *
 * @throws SlipwayError OCI_MANIFEST_INVALID
 */
export async function parseStored(bytes: Uint8Array): Promise<StoredManifest> {
  const document = await parseManifest(bytes, 'the manifest');
  const json = readObject(bytes);
  const mediaType = document.kind === 'index' ? MEDIA_TYPES.index : MEDIA_TYPES.manifest;
  return describe(document, json, textOf(json['mediaType']) ?? mediaType, bytes.length);
}

function describe(
  document: ManifestDocument,
  json: Readonly<Record<string, unknown>>,
  mediaType: string,
  sizeBytes: number,
): StoredManifest {
  const subject = subjectOf(json['subject']);
  const artifactType = textOf(json['artifactType']) ?? configType(document);
  const annotations = json['annotations'];
  const record: ManifestRecord = {
    mediaType,
    sizeBytes,
    ...(subject === undefined ? {} : { subject }),
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(isStrings(annotations) ? { annotations } : {}),
  };
  if (document.kind === 'index') {
    return { record, blobs: [], manifests: distinct(document.manifests.map(({ digest }) => digest)) };
  }
  const { config, layers } = document.manifest;
  const here = layers.filter((layer, at) => !ELSEWHERE.test(layer.mediaType) && !hasUrls(json['layers'], at));
  return { record, blobs: distinct([config, ...here].map(({ digest }) => digest)), manifests: [] };
}

/** The bytes have been parsed before, as an object. */
function readObject(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  const json: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
  return isObject(json) ? json : {};
}

function subjectOf(value: unknown): Digest | undefined {
  if (value === undefined || value === null) return undefined;
  const digest = isObject(value) ? value['digest'] : undefined;
  if (typeof digest === 'string' && isDigest(digest)) return digest;
  throw invalid('its subject is not a descriptor');
}

/** image-spec manifest.md: an image that says no `artifactType` is of the type of its configuration. */
function configType(document: ManifestDocument): string | undefined {
  return document.kind === 'manifest' ? document.manifest.config.mediaType : undefined;
}

function hasUrls(layers: unknown, at: number): boolean {
  const layer: unknown = Array.isArray(layers) ? layers[at] : undefined;
  const urls = isObject(layer) ? layer['urls'] : undefined;
  return Array.isArray(urls) && urls.length > 0;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function distinct(digests: readonly Digest[]): readonly Digest[] {
  return [...new Set(digests)];
}

function invalid(problem: string, cause?: unknown): RegistryFailure {
  return new RegistryFailure('MANIFEST_INVALID', problem, { cause });
}
