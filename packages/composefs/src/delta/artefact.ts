/**
 * A delta as registries keep it: an artefact whose subject is the new image (image-spec manifest.md, "Guidelines for Artifact
 * Usage"), its layers the deltas of layers, each named by the layer it makes. What it starts from stands in annotations, which
 * lists of referrers repeat, so a host learns from one answer which deltas are for it.
 */
import {
  type Descriptor,
  type Digest,
  digestOf,
  EMPTY_CONFIG,
  isDigest,
  type Manifest,
  MEDIA_TYPES,
  type ResolvedImage,
} from '@slipway/oci';

/** Type of the artefact, and of each of its layers. */
export const DELTA_ARTIFACT_TYPE = 'application/vnd.slipway.delta.v1';
export const DELTA_LAYER_TYPE = 'application/vnd.slipway.delta.layer.v1';

/** Annotations. */
const OLD_MANIFEST = 'io.slipway.delta.old-manifest';
const OLD_CONFIG = 'io.slipway.delta.old-config';
const DELTA_BYTES = 'io.slipway.delta.size';
const DIFF_ID = 'io.slipway.delta.diff-id';

/** A layer of the artefact to be. */
export interface DeltaLayerFile {
  readonly diffId: Digest;
  readonly digest: Digest;
  readonly sizeBytes: number;
}

/** The image a delta starts from. */
export interface DeltaOrigin {
  readonly manifestDigest: Digest;
  /** Another manifest may have the same configuration, and so the same layers, otherwise compressed. */
  readonly configDigest: Digest;
}

/** A manifest to be pushed. */
export interface DeltaManifest {
  readonly bytes: Uint8Array;
  readonly digest: Digest;
  /** What lists of referrers repeat. */
  readonly annotations: Readonly<Record<string, string>>;
  /** The new image. */
  readonly subject: Digest;
}

/** The manifest of a delta; the same delta always gives the same bytes. */
export function formatDeltaManifest(
  old: ResolvedImage,
  fresh: ResolvedImage,
  layers: readonly DeltaLayerFile[],
): DeltaManifest {
  const { manifest, manifestBytes, manifestDigest } = fresh;
  const total = layers.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const annotations = {
    [OLD_MANIFEST]: old.manifestDigest,
    [OLD_CONFIG]: old.manifest.config.digest,
    [DELTA_BYTES]: String(total),
  };
  const document = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    artifactType: DELTA_ARTIFACT_TYPE,
    config: EMPTY_CONFIG.descriptor,
    layers: layers.map(({ diffId, digest, sizeBytes }) => ({
      mediaType: DELTA_LAYER_TYPE,
      digest,
      size: sizeBytes,
      annotations: { [DIFF_ID]: diffId },
    })),
    subject: { mediaType: manifest.mediaType, digest: manifestDigest, size: manifestBytes.length },
    annotations,
  };
  const bytes = Buffer.from(JSON.stringify(document), 'utf8');
  return { bytes, digest: digestOf(bytes), annotations, subject: manifestDigest };
}

/** What an artefact, or its entry in a list of referrers, says it starts from; undefined when it does not say. */
export function deltaOrigin(
  annotations: Readonly<Record<string, string>> | undefined = {},
): DeltaOrigin | undefined {
  const manifestDigest = annotations[OLD_MANIFEST] ?? '';
  const configDigest = annotations[OLD_CONFIG] ?? '';
  return isDigest(manifestDigest) && isDigest(configDigest) ? { manifestDigest, configDigest } : undefined;
}

/** The deltas of an artefact by the layers they make. */
export function deltaLayers({ layers }: Manifest): ReadonlyMap<Digest, Descriptor> {
  const found = new Map<Digest, Descriptor>();
  for (const layer of layers) {
    const diffId = layer.annotations?.[DIFF_ID] ?? '';
    if (layer.mediaType === DELTA_LAYER_TYPE && isDigest(diffId)) found.set(diffId, layer);
  }
  return found;
}
