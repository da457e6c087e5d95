import { type OperationOptions, operation } from '@slipway/core';
import { keepMemoryLow, releaseMemory } from '@slipway/linux';
import type { Digest, ImageConfig, ImageSource, Reference, ResolvedImage } from '@slipway/oci';
import type { DeltaFetches } from '../delta/delta-fetches.ts';
import type { Repository } from '../repository/repository.ts';
import { compressChunk, type StreamContent } from '../repository/stream-record.ts';
import type { DirectoryNode } from '../tree.ts';
import { openDownloadCache } from './download-cache.ts';
import { type ImportedLayer, importLayers } from './import-layers.ts';
import { layerStreamName } from './layer-record.ts';
import { LayerWorkers } from './layer-workers.ts';
import { LayeredTree } from './layered-tree.ts';
import { PartialFetches } from './partial-fetches.ts';

/** What {@link importImage} needs beside the image. */
export interface ImportImageOptions extends OperationOptions {
  /** Where unfinished downloads are kept, so that an interrupted one goes on; any directory, the same the next time. */
  readonly cacheDir: string;
  /** Where to look for deltas that start from an image the store has: beside what this names. Default: nowhere. */
  readonly deltasBeside?: Reference;
}

/** An image in the store. */
export interface ImportedImage {
  /** The merged layers; {@link bootTree} makes of it what a host boots. */
  readonly tree: DirectoryNode;
  readonly manifestDigest: Digest;
  readonly config: ImageConfig;
  /** Name of the record that keeps everything of the image alive: give it to garbage collection. */
  readonly stream: string;
  readonly layers: readonly ImportedLayer[];
  readonly fetchedBytes: number;
  readonly newObjects: number;
  readonly newObjectBytes: number;
}

/** Name of the record of a manifest. */
export function manifestStreamName(manifestDigest: string): string {
  return `oci-manifest-${manifestDigest}`;
}

/** Name of the record of a configuration. */
export function configStreamName(configDigest: string): string {
  return `oci-config-${configDigest}`;
}

/**
 * Brings an image into the store, each layer once. A layer whose record the store has is neither fetched nor read again, so
 * an import cut short at any moment goes on where it was.
 *
 * Each layer is: objects, syncfs, record. The records of configuration and manifest come last. A power cut
 * leaves whole objects and the records of whole layers.
 *
 * Holds the store's lock, shared. To be safe from garbage collection until something refers to the result, the
 * caller holds it as well.
 *
 * @throws SlipwayError LAYER_ENTRY_REFUSED, OCI_TAR_INVALID, OCI_COMPRESSION_INVALID, OCI_DIGEST_MISMATCH, NO_SPACE,
 *   REPOSITORY_LOCKED, VERITY_UNAVAILABLE, ABORTED, and what the source throws
 */
export async function importImage(
  repository: Repository,
  source: ImageSource,
  image: ResolvedImage,
  options: ImportImageOptions,
): Promise<ImportedImage> {
  const { signal } = operation(options);
  keepMemoryLow();
  using _lock = await repository.lock('shared', { signal });
  await using cache = await openDownloadCache(options.cacheDir);
  await using workers = new LayerWorkers(repository);
  const tree = new LayeredTree();
  const cacheDir = cache.path;
  const partial = new PartialFetches(repository, workers);
  const deltas = await deltaFetches(repository, image, options);
  const job = { repository, source, image, cacheDir, workers, deltas, partial, options };
  const layers = await importLayers(job, tree);
  await partial.record();
  await recordImage(repository, image);
  releaseMemory();
  return {
    tree: tree.finish(),
    manifestDigest: image.manifestDigest,
    config: image.config,
    stream: manifestStreamName(image.manifestDigest),
    layers,
    fetchedBytes: sum(layers, (layer) => layer.fetchedBytes),
    newObjects: sum(layers, (layer) => layer.newObjects),
    newObjectBytes: sum(layers, (layer) => layer.newObjectBytes),
  };
}

/** Loaded where it is wanted: most imports have no use for it. */
async function deltaFetches(
  repository: Repository,
  image: ResolvedImage,
  { deltasBeside, ...options }: ImportImageOptions,
): Promise<DeltaFetches | undefined> {
  if (deltasBeside === undefined) return undefined;
  const { findDeltas } = await import('../delta/find-deltas.ts');
  const found = await findDeltas(repository, deltasBeside, image, options);
  if (found.size === 0) return undefined;
  const fetches = await import('../delta/delta-fetches.ts');
  return new fetches.DeltaFetches(repository, found);
}

/** Keeps the documents themselves, byte for byte, and through them the layers. */
async function recordImage(repository: Repository, image: ResolvedImage): Promise<void> {
  const layers = image.config.diffIds.map(layerStreamName);
  const config = configStreamName(image.manifest.config.digest);
  await repository.putStreams([
    { name: config, content: documentRecord('oci-config/1', image.configBytes, layers) },
    {
      name: manifestStreamName(image.manifestDigest),
      content: documentRecord('oci-manifest/1', image.manifestBytes, [config, ...layers]),
    },
  ]);
}

function documentRecord(kind: string, bytes: Uint8Array, streams: readonly string[]): StreamContent {
  return { kind, objects: [], streams, chunks: [compressChunk(bytes)] };
}

function sum(layers: readonly ImportedLayer[], count: (layer: ImportedLayer) => number): number {
  return layers.reduce((total, layer) => total + count(layer), 0);
}
