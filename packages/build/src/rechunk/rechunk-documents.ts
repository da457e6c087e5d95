import { SlipwayError } from '@slipway/core';
import { type Digest, MEDIA_TYPES, type ResolvedImage, type WrittenLayer } from '@slipway/oci';
import * as z from 'zod';
import type { EarlierPlaces } from './layer-plan.ts';

/** A layer of the new image as its documents show it. */
export interface RechunkedLayer extends WrittenLayer {
  readonly name: string;
  /** Names of the groups in it. */
  readonly contents: readonly string[];
}

/** Annotation of a layer: its name among the layers of this image and of the next. */
const LAYER_ANNOTATION = 'io.slipway.rechunk.layer';
/** Annotation of a layer: names of what is in it, a JSON list; what the next version of the image goes by. */
const CONTENTS_ANNOTATION = 'io.slipway.rechunk.contents';
const OURS: ReadonlySet<string> = new Set([LAYER_ANNOTATION, CONTENTS_ANNOTATION]);
const HISTORY_PREFIX = 'slipway rechunk: ';
/** Registries must take manifests of 4 MiB; lists of contents beyond this are left out. */
const CONTENTS_LIMIT_BYTES = 2 ** 20;

const contentsSchema = z.array(z.string().max(8192)).max(100_000);
const historySchema = z.array(z.looseObject({ created_by: z.string().nullish() })).nullish();

/**
 * The configuration with the new layers; everything else as it was. What the history said of the old layers stays, marked as having
 * no layer of its own any more.
 */
export function rechunkedConfig(image: ResolvedImage, layers: readonly RechunkedLayer[]): Buffer {
  // Read before: it is an object.
  const config = JSON.parse(Buffer.from(image.configBytes).toString('utf8')) as Record<string, unknown>;
  const history = historySchema.safeParse(config['history']);
  if (!history.success) {
    throw new SlipwayError(
      'OCI_MANIFEST_INVALID',
      'cannot use the image: its history is not a list of steps',
      {
        cause: history.error,
      },
    );
  }
  const steps = (history.data ?? []).filter((step) => step.created_by?.startsWith(HISTORY_PREFIX) !== true);
  const created = image.config.created === undefined ? {} : { created: image.config.created };
  return jsonBytes({
    ...config,
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
    history: [
      ...steps.map((step) => ({ ...step, empty_layer: true })),
      ...layers.map(({ name }) => ({ ...created, created_by: `${HISTORY_PREFIX}${name}` })),
    ],
  });
}

/** The manifest of the new image; annotations of the old one stay. */
export function rechunkedManifest(
  image: ResolvedImage,
  config: { readonly digest: Digest; readonly size: number },
  layers: readonly RechunkedLayer[],
): Buffer {
  const { annotations } = image.manifest;
  const contents = layers.map((layer) => JSON.stringify(layer.contents));
  const fits = contents.reduce((sum, text) => sum + text.length, 0) <= CONTENTS_LIMIT_BYTES;
  return jsonBytes({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    config: { mediaType: MEDIA_TYPES.config, digest: config.digest, size: config.size },
    layers: layers.map(({ name, descriptor }, index) => ({
      ...descriptor,
      annotations: {
        ...ofBlob(descriptor.annotations),
        [LAYER_ANNOTATION]: name,
        ...(fits ? { [CONTENTS_ANNOTATION]: contents[index] } : {}),
      },
    })),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  });
}

/** What an earlier image says of a blob that is about the blob. */
function ofBlob(annotations: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(annotations).filter(([name]) => !OURS.has(name)));
}

/** Where the groups of a rechunked image are; empty for other images. What does not parse counts for nothing: it is a hint. */
export function earlierPlaces(image: ResolvedImage): EarlierPlaces {
  const places = new Map<string, string>();
  for (const { annotations } of image.manifest.layers) {
    const layer = annotations?.[LAYER_ANNOTATION];
    const contents = parseContents(annotations?.[CONTENTS_ANNOTATION]);
    if (layer !== undefined) for (const name of contents) places.set(name, layer);
  }
  return places;
}

function parseContents(text: string | undefined): readonly string[] {
  if (text === undefined) return [];
  try {
    return contentsSchema.parse(JSON.parse(text));
  } catch {
    return [];
  }
}

function jsonBytes(document: object): Buffer {
  return Buffer.from(JSON.stringify(document));
}
