import { type ByteStream, type Operation, SlipwayError, startTask } from '@slipway/core';
import {
  type Descriptor,
  type Digest,
  declaredCompression,
  type ImageSource,
  type LayoutReference,
  type LayoutWriter,
  layoutSource,
  MEDIA_TYPES,
  openLayoutWriter,
  type ResolvedImage,
  writeLayer,
} from '@slipway/oci';
import type { RawImage } from './builder.ts';

/** What goes where. */
interface RepackRequest {
  readonly raw: RawImage;
  readonly output: LayoutReference;
  readonly architecture: string;
}

/** The image in its layout. */
export interface RepackedImage {
  readonly digest: Digest;
  /** Compressed layers together. */
  readonly sizeBytes: number;
  /** Of these, bytes in layers a base image has too. */
  readonly sharedBytes: number;
  readonly layers: readonly {
    readonly digest: Digest;
    readonly sizeBytes: number;
    readonly shared: boolean;
  }[];
}

/** A layer as some image has it packed already. */
interface KnownLayer {
  readonly source: ImageSource;
  readonly descriptor: Descriptor;
}

/**
 * Copies an image from the layout of a builder into its place. Builders unpack a base and pack it again, in their own
 * way; here a layer a base has, known by the digest of its archive, stays that base's blob. The configuration is
 * copied byte for byte, so the image's identity for builders does not change.
 */
export async function repackImage(request: RepackRequest, work: Operation): Promise<RepackedImage> {
  await using raw = layoutSource(request.raw.reference);
  const image = await raw.resolve(request.architecture, work);
  await using known = await knownLayers(request, work);
  await using layout = await openLayoutWriter(request.output.path);
  const layers = [];
  for (const [index, descriptor] of image.manifest.layers.entries()) {
    layers.push(await placeLayer(layout, { raw, image, descriptor, index, known: known.layers }, work));
  }
  const bytes = await placeConfig(
    layout,
    raw,
    image,
    layers.map((layer) => layer.descriptor),
  );
  const digest = await layout.putManifest(bytes, MEDIA_TYPES.manifest, request.output.tag ?? 'latest');
  const size = (wanted: readonly PlacedLayer[]): number =>
    wanted.reduce((sum, layer) => sum + layer.descriptor.size, 0);
  return {
    digest,
    sizeBytes: size(layers),
    sharedBytes: size(layers.filter((layer) => layer.shared)),
    layers: layers.map(({ descriptor, shared }) => ({
      digest: descriptor.digest,
      sizeBytes: descriptor.size,
      shared,
    })),
  };
}

interface KnownLayers extends AsyncDisposable {
  readonly layers: ReadonlyMap<Digest, KnownLayer>;
}

/** Layers of the bases and of the image that has the output's tag now, by the digest of their archives. */
async function knownLayers(request: RepackRequest, work: Operation): Promise<KnownLayers> {
  const layers = new Map<Digest, KnownLayer>();
  const sources: ImageSource[] = [];
  for (const reference of [request.output, ...request.raw.bases]) {
    const source = layoutSource(reference);
    sources.push(source);
    const image = await resolveIfThere(source, request.architecture, work);
    for (const [index, descriptor] of (image?.manifest.layers ?? []).entries()) {
      const diffId = image?.config.diffIds[index];
      if (diffId !== undefined) layers.set(diffId, { source, descriptor });
    }
  }
  return {
    layers,
    async [Symbol.asyncDispose]() {
      for (const source of sources) await source[Symbol.asyncDispose]();
    },
  };
}

async function resolveIfThere(
  source: ImageSource,
  architecture: string,
  work: Operation,
): Promise<ResolvedImage | undefined> {
  try {
    return await source.resolve(architecture, work);
  } catch (thrown) {
    if (thrown instanceof SlipwayError && thrown.code === 'OCI_NOT_FOUND') return undefined;
    throw thrown;
  }
}

interface LayerToPlace {
  readonly raw: ImageSource;
  readonly image: ResolvedImage;
  readonly descriptor: Descriptor;
  readonly index: number;
  readonly known: ReadonlyMap<Digest, KnownLayer>;
}

interface PlacedLayer {
  readonly descriptor: Descriptor;
  readonly shared: boolean;
}

async function placeLayer(layout: LayoutWriter, layer: LayerToPlace, work: Operation): Promise<PlacedLayer> {
  const diffId = layer.image.config.diffIds[layer.index];
  const known = diffId === undefined ? undefined : layer.known.get(diffId);
  const task = startTask(work.progress, `layer ${layer.index + 1}`, 'bytes', layer.descriptor.size);
  const placed = await (known === undefined
    ? placeNew(layout, layer, work, (bytes) => task.advance(bytes))
    : placeKnown(layout, known, work));
  if (placed.shared) task.save(layer.descriptor.size);
  task.end();
  return placed;
}

async function placeKnown(layout: LayoutWriter, known: KnownLayer, work: Operation): Promise<PlacedLayer> {
  const { source, descriptor } = known;
  if (!(await layout.hasBlob(descriptor))) {
    await layout.putBlob(descriptor, () => source.openBlob(descriptor, 0, work), work);
  }
  return { descriptor, shared: true };
}

async function placeNew(
  layout: LayoutWriter,
  { raw, descriptor }: LayerToPlace,
  work: Operation,
  onBytes: (count: number) => void,
): Promise<PlacedLayer> {
  async function* counted(): ByteStream {
    for await (const chunk of raw.openBlob(descriptor, 0, work)) {
      onBytes(chunk.length);
      yield chunk;
    }
  }
  if (declaredCompression(descriptor.mediaType) === 'none') {
    const written = await writeLayer(layout, counted());
    return { descriptor: written.descriptor, shared: false };
  }
  await layout.putBlob(descriptor, counted, work);
  return { descriptor, shared: false };
}

async function placeConfig(
  layout: LayoutWriter,
  raw: ImageSource,
  image: ResolvedImage,
  layers: readonly Descriptor[],
): Promise<Buffer> {
  const { config } = image.manifest;
  await layout.putBlob(config, () => raw.openBlob(config));
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.manifest,
      config: { mediaType: MEDIA_TYPES.config, digest: config.digest, size: config.size },
      layers: layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
    }),
  );
}
