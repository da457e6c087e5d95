import { type ByteStream, type OperationOptions, operation, startTask } from '@slipway/core';
import {
  type Descriptor,
  type Digest,
  DigestHasher,
  declaredCompression,
  type ImageSource,
  type LayerFormat,
  type LayoutWriter,
  MEDIA_TYPES,
  type ResolvedImage,
  writeLayer,
} from '@slipway/oci';
import { type RechunkedLayer, rechunkedConfig, rechunkedManifest } from './rechunk-documents.ts';

/** An archive that can be made as often as wanted. */
export interface LayerArchive {
  readonly name: string;
  /** Names of the groups in it. */
  readonly contents: readonly string[];
  readonly open: () => ByteStream;
}

/** Layers that are packed already. */
export interface EarlierLayers {
  readonly source: ImageSource;
  /** By the digest of the archive. */
  readonly layers: ReadonlyMap<Digest, Descriptor>;
}

/** How layers can be packed: none would travel unpacked. */
export type RechunkFormat = Exclude<LayerFormat, 'none'>;

/** Everything of the new image. */
export interface ImageToWrite {
  /** The image it is made of. */
  readonly image: ResolvedImage;
  readonly archives: readonly LayerArchive[];
  readonly compression: RechunkFormat;
  readonly earlier: EarlierLayers | undefined;
  /** Whether a blob is where the image goes in the end, and need not be in the layout it is written into. */
  readonly isThere?: (descriptor: Descriptor) => Promise<boolean>;
}

/** A layer of the new image. */
export interface LayerReport {
  readonly name: string;
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** Whether the earlier version has it too. */
  readonly shared: boolean;
  readonly contents: readonly string[];
}

/** The image that was written. */
export interface RechunkReport {
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** Of these, bytes in layers the earlier version has too. */
  readonly sharedBytes: number;
  readonly layers: readonly LayerReport[];
}

/** Packed once, fetched by every host. */
const LEVELS: Readonly<Record<RechunkFormat, number>> = { gzip: 9, zstd: 12, 'zstd:chunked': 9 };
/** What only a descriptor of zstd:chunked carries. */
const TOC_DIGEST = 'io.github.containers.zstd-chunked.manifest-checksum';
/** Layers packed at once: each takes a processor; zstd:chunked uses several for each. */
const PARALLEL_LAYERS: Readonly<Record<RechunkFormat, number>> = { gzip: 2, zstd: 2, 'zstd:chunked': 1 };

/**
 * Writes layers, configuration and manifest into a layout, the tag last. A layer whose archive an earlier image has is that
 * image's blob, whatever would pack it today.
 */
export async function writeRechunked(
  layout: LayoutWriter,
  image: ImageToWrite,
  tag: string,
  options: OperationOptions,
): Promise<RechunkReport> {
  const layers = await writeLayers(layout, image, options);
  const configBytes = rechunkedConfig(image.image, layers);
  const config = await layout.writeBlob(once(configBytes));
  const manifest = rechunkedManifest(image.image, config, layers);
  const digest = await layout.putManifest(manifest, MEDIA_TYPES.manifest, tag);
  return {
    digest,
    sizeBytes: sizeOf(layers),
    sharedBytes: sizeOf(layers.filter((layer) => layer.shared)),
    layers: layers.map(({ name, descriptor, shared, contents }) => ({
      name,
      digest: descriptor.digest,
      sizeBytes: descriptor.size,
      shared,
      contents,
    })),
  };
}

type Written = RechunkedLayer & { readonly shared: boolean };

function sizeOf(layers: readonly Written[]): number {
  return layers.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
}

/** A few at a time; the first failure stops the others. */
async function writeLayers(
  layout: LayoutWriter,
  image: ImageToWrite,
  options: OperationOptions,
): Promise<readonly Written[]> {
  const { signal, progress } = operation(options);
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const task = startTask(progress, 'write layers', 'items', image.archives.length);
  const written: Written[] = [];
  const queue = image.archives.entries();
  async function worker(): Promise<void> {
    for (const [index, archive] of queue) {
      either.throwIfAborted();
      written[index] = await placeLayer(layout, archive, image, { ...options, signal: either });
      task.advance(1);
    }
  }
  const workers = Array.from({ length: PARALLEL_LAYERS[image.compression] }, worker);
  try {
    await Promise.all(workers);
  } catch (failure) {
    stop.abort(failure);
    await Promise.allSettled(workers);
    throw failure;
  }
  task.end();
  return written;
}

async function placeLayer(
  layout: LayoutWriter,
  { name, contents, open }: LayerArchive,
  { compression, earlier, isThere }: ImageToWrite,
  options: OperationOptions,
): Promise<Written> {
  if (earlier !== undefined) {
    const diffId = await digestOfStream(stoppable(open(), options));
    const descriptor = earlier.layers.get(diffId);
    if (descriptor !== undefined && formatOf(descriptor) === compression) {
      if (!(await layout.hasBlob(descriptor)) && (await isThere?.(descriptor)) !== true) {
        await layout.putBlob(descriptor, () => earlier.source.openBlob(descriptor, 0, options), options);
      }
      return { name, contents, descriptor, diffId, shared: true };
    }
  }
  const level = LEVELS[compression];
  const layer = await writeLayer(layout, stoppable(open(), options), { compression, level });
  return { name, contents, ...layer, shared: false };
}

function formatOf({ mediaType, annotations }: Descriptor): LayerFormat {
  return annotations?.[TOC_DIGEST] === undefined ? declaredCompression(mediaType) : 'zstd:chunked';
}

async function digestOfStream(stream: ByteStream): Promise<Digest> {
  const hasher = new DigestHasher('sha256');
  for await (const chunk of stream) hasher.update(chunk);
  return hasher.digest();
}

async function* stoppable(
  stream: ByteStream,
  { signal }: OperationOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of stream) {
    signal?.throwIfAborted();
    yield chunk;
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}
