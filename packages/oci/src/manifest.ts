import { SlipwayError } from '@slipway/core';
import { parseDigest } from './digest.ts';
import type { Descriptor, ImageConfig, Manifest } from './image.ts';
import type { DescriptorJson } from './manifest-schema.ts';

/** Media types of manifests and indexes, OCI's and Docker's. */
export const MEDIA_TYPES: Readonly<
  Record<'manifest' | 'index' | 'config' | 'dockerManifest' | 'dockerIndex' | 'dockerConfig', string>
> = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerIndex: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
};

/** Registries must take manifests up to this (distribution-spec); nobody makes larger ones. */
export const MAX_MANIFEST_BYTES: number = 4 * 2 ** 20;
/** Configurations carry the history and labels of the whole build. */
export const MAX_CONFIG_BYTES: number = 8 * 2 ** 20;

const INDEX_TYPES: ReadonlySet<string> = new Set([MEDIA_TYPES.index, MEDIA_TYPES.dockerIndex]);
const MANIFEST_TYPES: ReadonlySet<string> = new Set([MEDIA_TYPES.manifest, MEDIA_TYPES.dockerManifest]);
const CONFIG_TYPES: ReadonlySet<string> = new Set([MEDIA_TYPES.config, MEDIA_TYPES.dockerConfig]);

/** What a tag or digest may name: one image, or a list of images for different machines. */
export type ManifestDocument =
  | { readonly kind: 'manifest'; readonly manifest: Manifest }
  | { readonly kind: 'index'; readonly mediaType: string; readonly manifests: readonly Descriptor[] };

/**
 * Reads a manifest or index. What it is, its own `mediaType` says, else its fields; a document that
 * could be both is refused (CVE-2021-41190).
 *
 * @param what names the document in errors
 * @throws SlipwayError OCI_MANIFEST_INVALID
 */
export async function parseManifest(bytes: Uint8Array, what: string): Promise<ManifestDocument> {
  const json = parseJson(bytes, MAX_MANIFEST_BYTES, what);
  const isIndex = looksLikeIndex(json, what);
  const { check, indexSchema, manifestSchema } = await import('./manifest-schema.ts');
  if (isIndex) {
    const checked = check(indexSchema, json);
    if (!checked.ok) throw invalid(what, checked.problem);
    return {
      kind: 'index',
      mediaType: checked.value.mediaType ?? MEDIA_TYPES.index,
      manifests: checked.value.manifests.map(toDescriptor),
    };
  }
  const checked = check(manifestSchema, json);
  if (!checked.ok) throw invalid(what, checked.problem);
  const { mediaType, config, layers, annotations } = checked.value;
  return {
    kind: 'manifest',
    manifest: {
      mediaType: mediaType ?? MEDIA_TYPES.manifest,
      config: toDescriptor(config),
      layers: layers.map(toDescriptor),
      annotations: annotations ?? {},
    },
  };
}

/**
 * The media type of a manifest or index: its own word, else the OCI type its fields show.
 *
 * @throws SlipwayError OCI_MANIFEST_INVALID
 */
export async function documentMediaType(bytes: Uint8Array, what: string): Promise<string> {
  const document = await parseManifest(bytes, what);
  return document.kind === 'index' ? document.mediaType : document.manifest.mediaType;
}

/**
 * Reads the configuration of an image.
 *
 * @throws SlipwayError OCI_MANIFEST_INVALID, also when its layers are not as many as the manifest's
 */
export async function parseImageConfig(
  bytes: Uint8Array,
  manifest: Manifest,
  what: string,
): Promise<ImageConfig> {
  if (!CONFIG_TYPES.has(manifest.config.mediaType)) {
    throw new SlipwayError(
      'OCI_MANIFEST_INVALID',
      `cannot use ${what}: it is not an image but an artefact with a configuration of type ${JSON.stringify(manifest.config.mediaType)}`,
      { hint: 'name the image itself, not a signature or another artefact stored beside it' },
    );
  }
  const json = parseJson(bytes, MAX_CONFIG_BYTES, `the configuration of ${what}`);
  const { check, configSchema } = await import('./manifest-schema.ts');
  const checked = check(configSchema, json);
  if (!checked.ok) throw invalid(`the configuration of ${what}`, checked.problem);
  const { architecture, os, created, config, rootfs } = checked.value;
  const diffIds = (rootfs.diff_ids ?? []).map(parseDigest);
  if (diffIds.length !== manifest.layers.length) {
    throw invalid(
      what,
      `its configuration lists ${diffIds.length} layers, its manifest ${manifest.layers.length}`,
    );
  }
  return { architecture, os, created: created ?? undefined, labels: config?.Labels ?? {}, diffIds };
}

/**
 * Picks the image for a machine from an index: Linux, the architecture, and of several variants the
 * one every machine of that architecture runs.
 *
 * @param architecture as Go writes it: `amd64`, `arm64`
 * @throws SlipwayError OCI_PLATFORM_MISSING listing what there is
 */
export function pickPlatform(
  manifests: readonly Descriptor[],
  architecture: string,
  what: string,
): Descriptor {
  const fitting = manifests.filter(
    ({ platform }) => platform?.os === 'linux' && platform.architecture === architecture,
  );
  const best = fitting.toSorted((a, b) => variantRank(a) - variantRank(b))[0];
  if (best !== undefined) return best;
  const [only, ...others] = manifests;
  // Layouts often list one image without saying what it is for; its configuration will.
  if (only !== undefined && others.length === 0 && only.platform === undefined) return only;
  throw new SlipwayError(
    'OCI_PLATFORM_MISSING',
    `cannot find an image for linux/${architecture} in ${what}`,
    {
      hint: `it has images for: ${platformList(manifests)}`,
      details: { architecture },
    },
  );
}

/** Baseline variants first: `arm64/v8` is every arm64, `amd64/v3` is not every amd64. */
function variantRank({ platform }: Descriptor): number {
  const variant = platform?.variant;
  if (variant === undefined || variant === '') return 0;
  const baseline = platform?.architecture === 'arm64' ? 'v8' : 'v1';
  return variant === baseline ? 1 : 2;
}

/** For messages: `linux/amd64, linux/arm64/v8`. */
function platformList(manifests: readonly Descriptor[]): string {
  const names = new Set<string>();
  for (const { platform } of manifests) {
    // Attestations stand in an index as images for an unknown machine.
    if (platform === undefined || platform.os === 'unknown') continue;
    const variant = platform.variant === undefined ? '' : `/${platform.variant}`;
    names.add(`${platform.os}/${platform.architecture}${variant}`);
  }
  return names.size === 0 ? 'nothing that says what it is for' : [...names].slice(0, 30).join(', ');
}

function looksLikeIndex(json: unknown, what: string): boolean {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw invalid(what, 'it is not a JSON object');
  if ('schemaVersion' in json && json.schemaVersion === 1) {
    throw new SlipwayError('OCI_MANIFEST_INVALID', `cannot use ${what}: it is in Docker's old schema 1`, {
      hint: 'push the image again with a tool from after 2016: skopeo copy --format oci',
    });
  }
  const mediaType = 'mediaType' in json ? json.mediaType : undefined;
  if (typeof mediaType !== 'string') return 'manifests' in json;
  if (INDEX_TYPES.has(mediaType)) return true;
  if (MANIFEST_TYPES.has(mediaType)) return false;
  throw invalid(
    what,
    `its media type ${JSON.stringify(mediaType.slice(0, 100))} is neither an image nor an index`,
  );
}

function parseJson(bytes: Uint8Array, limitBytes: number, what: string): unknown {
  if (bytes.length > limitBytes) throw invalid(what, `it is larger than ${limitBytes} bytes`);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw invalid(what, 'it is not JSON', cause);
  }
}

function toDescriptor(json: DescriptorJson): Descriptor {
  const { platform, annotations, artifactType } = json;
  return {
    mediaType: json.mediaType,
    digest: parseDigest(json.digest),
    size: json.size,
    ...(typeof artifactType === 'string' ? { artifactType } : {}),
    ...(annotations === undefined || annotations === null ? {} : { annotations }),
    ...(platform === undefined || platform === null
      ? {}
      : {
          platform: {
            architecture: platform.architecture,
            os: platform.os,
            ...(typeof platform.variant === 'string' ? { variant: platform.variant } : {}),
          },
        }),
  };
}

function invalid(what: string, problem: string, cause?: unknown): SlipwayError {
  return new SlipwayError('OCI_MANIFEST_INVALID', `cannot use ${what}: ${problem}`, {
    hint: 'the image was made by a faulty tool, or this is not an image: push it again',
    cause,
  });
}
