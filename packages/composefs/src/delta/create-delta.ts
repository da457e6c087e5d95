import { type OperationOptions, operation, SlipwayError, startTask } from '@slipway/core';
import { type Descriptor, type Digest, type ImageSource, openLayer, type ResolvedImage } from '@slipway/oci';
import { openDownloadCache } from '../import/download-cache.ts';
import { importImage } from '../import/import-image.ts';
import type { Repository } from '../repository/repository.ts';
import { type DeltaManifest, formatDeltaManifest } from './artefact.ts';
import { archiveLimit, type OldLayer } from './format.ts';
import { openLayerDelta, readLayerDelta } from './reader.ts';
import { type DeltaBase, openDeltaBase, type WrittenLayerDelta, writeLayerDelta } from './writer.ts';

/** An image and where its layers are read. */
export interface DeltaSide {
  readonly source: ImageSource;
  readonly image: ResolvedImage;
}

/** Options of {@link createDelta}. */
export interface CreateDeltaOptions extends OperationOptions {
  /** Where unfinished downloads are kept. */
  readonly cacheDir: string;
  /** An empty directory for the delta; it must stay until the delta was pushed. */
  readonly outputDir: string;
}

/** A delta from one image to another, in files. */
export interface CreatedDelta {
  readonly manifest: DeltaManifest;
  readonly layers: readonly WrittenLayerDelta[];
  /** Bytes of the delta, and of the same layers as the new image has them. */
  readonly sizeBytes: number;
  readonly replacedBytes: number;
}

/**
 * Makes the delta that takes a host from one image to another. The same two images give the same bytes.
 *
 * The old image is brought into the store, as a host has it; the new one is read layer by layer. Each delta is applied before it
 * counts, so what does not make its layer is never published; neither is what is not smaller than the layer itself.
 *
 * @throws SlipwayError DELTA_POINTLESS when nothing would be saved, and what `importImage` and `openLayer` throw
 */
export async function createDelta(
  repository: Repository,
  old: DeltaSide,
  fresh: DeltaSide,
  options: CreateDeltaOptions,
): Promise<CreatedDelta> {
  const { signal } = operation(options);
  using _lock = await repository.lock('shared', { signal });
  await importImage(repository, old.source, old.image, options);
  await using cache = await openDownloadCache(options.cacheDir);
  const base = openDeltaBase(repository, oldLayers(old.image, fresh.image));
  const layers: WrittenLayerDelta[] = [];
  for (const index of replacedLayers(old.image, fresh.image)) {
    const delta = await layerDelta(repository, base, fresh, index, { ...options, cacheDir: cache.path });
    if (delta !== undefined) layers.push(delta);
  }
  if (layers.length === 0) throw pointless();
  const replaced = fresh.image.manifest.layers.filter((_layer, index) =>
    layers.some(({ diffId }) => diffId === fresh.image.config.diffIds[index]),
  );
  return {
    manifest: formatDeltaManifest(old.image, fresh.image, layers),
    layers,
    sizeBytes: layers.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    replacedBytes: replaced.reduce((sum: number, { size }: Descriptor) => sum + size, 0),
  };
}

/** Undefined when the layer is better fetched as it is. */
async function layerDelta(
  repository: Repository,
  base: DeltaBase,
  { source, image }: DeltaSide,
  index: number,
  options: CreateDeltaOptions,
): Promise<WrittenLayerDelta | undefined> {
  const { progress, log } = operation(options);
  const [descriptor, diffId] = [image.manifest.layers[index], image.config.diffIds[index]];
  if (descriptor === undefined || diffId === undefined) throw new Error('internal error: no such layer');
  const task = startTask(progress, `compare layer ${index + 1}`, 'bytes', descriptor.size);
  const archive = openLayer(source, image, index, {
    ...options,
    onFetched: (bytes) => task.advance(bytes),
    onSaved: (bytes) => task.save(bytes),
  });
  const delta = await writeLayerDelta(repository, base, archive, diffId, options.outputDir, options);
  task.end();
  if (delta === undefined || delta.sizeBytes >= descriptor.size) {
    log.info('no delta of a layer: it is better fetched whole', { diffId });
    return undefined;
  }
  const readable = readLayerDelta(delta.path, delta.sizeBytes);
  if (readable.head.archiveBytes > archiveLimit(descriptor.size)) {
    log.info('no delta of a layer: it packs so well that no host would believe it', { diffId });
    return undefined;
  }
  for await (const _chunk of openLayerDelta(repository, readable, base.old, options)) {
    // Its end throws when the layer is not what it should be.
  }
  return delta;
}

/** Headers of layers that stay are of no use: whoever has them fetches no layer like them. */
function oldLayers(old: ResolvedImage, fresh: ResolvedImage): readonly OldLayer[] {
  const kept = new Set<Digest>(fresh.config.diffIds);
  return old.config.diffIds.map((diffId) => ({ diffId, inDictionary: !kept.has(diffId) }));
}

function replacedLayers(old: ResolvedImage, fresh: ResolvedImage): readonly number[] {
  const known = new Set<Digest>(old.config.diffIds);
  const indexes: number[] = [];
  for (const [index, diffId] of fresh.config.diffIds.entries()) {
    if (!known.has(diffId)) indexes.push(index);
    known.add(diffId);
  }
  return indexes;
}

function pointless(): SlipwayError {
  return new SlipwayError('DELTA_POINTLESS', 'cannot make a delta that would save anything', {
    hint: 'both images have the same layers, or the new ones are small already',
  });
}
