import { isSlipwayError, type OperationOptions, operation, startTask } from '@slipway/core';
import type { ImageSource, PackedLayer, ResolvedImage } from '@slipway/oci';
import type { DeltaFetches } from '../delta/delta-fetches.ts';
import type { Repository } from '../repository/repository.ts';
import { layerTask } from './layer-task.ts';
import type { LayerWorkers } from './layer-workers.ts';
import type { PartialFetches } from './partial-fetches.ts';
import { readBlob } from './read-blob.ts';
import type { ReadLayer } from './read-layer.ts';

/** What fetching any layer of an image needs. */
export interface LayerFetch {
  readonly repository: Repository;
  readonly source: ImageSource;
  readonly image: ResolvedImage;
  readonly cacheDir: string;
  readonly workers: LayerWorkers;
  readonly deltas: DeltaFetches | undefined;
  readonly partial: PartialFetches;
  readonly options: OperationOptions;
}

/** A layer that was fetched and read: see {@link ReadLayer}. */
export interface FetchedLayer extends ReadLayer {
  readonly fetchedBytes: number;
}

/**
 * Brings a layer the store has no record of into the store: its files as objects, and the record of its entries, which the
 * caller makes durable. Ways to do it with fewer bytes go here, before the one that always works.
 *
 * @throws SlipwayError as `readLayer` does, OCI_DIGEST_MISMATCH, and what the source throws
 */
export async function fetchLayer(fetch: LayerFetch, index: number): Promise<FetchedLayer> {
  let fetchedBytes = 0;
  for (const way of [fetch.deltas, fetch.partial]) {
    const tried = await way?.fetch(fetch, index);
    fetchedBytes += tried?.fetchedBytes ?? 0;
    if (tried?.layer !== undefined) return { ...tried.layer, fetchedBytes };
  }
  const whole = await fetchWholeLayer(fetch, index);
  return { ...whole, fetchedBytes: whole.fetchedBytes + fetchedBytes };
}

/** Fetches all of a layer's blob and reads it as it arrives. */
async function fetchWholeLayer(fetch: LayerFetch, index: number): Promise<FetchedLayer> {
  const { source, image, cacheDir, options } = fetch;
  // Loaded when needed: a registry client takes longer to load than many an image takes to be read or written.
  const { openPackedLayer, packedLayer } = await import('@slipway/oci');
  const layer = packedLayer(source, image, index);
  const { progress } = operation(options);
  const task = startTask(progress, layerTask(image, index), 'bytes', layer.descriptor.size);
  let fetchedBytes = 0;
  const onFetched = (bytes: number): void => {
    fetchedBytes += bytes;
    task.advance(bytes);
  };
  const onSaved = (bytes: number): void => task.save(bytes);
  // What reads them makes copies: chunks of their own would be as much garbage as the layer has bytes.
  const open = { ...options, cacheDir, onFetched, onSaved, reuseChunks: true };
  const read = await readBlob(fetch, layer, openPackedLayer(source, layer, open)).catch(
    async (refused: unknown) => {
      throw await damageBehind(refused, fetch, layer);
    },
  );
  task.end();
  return { ...read, fetchedBytes };
}

/**
 * A layer damaged on its way looks like one made by a faulty tool, until its end shows that its bytes are not the right ones:
 * whoever reads the message should know which it is.
 */
async function damageBehind(
  refused: unknown,
  { source, cacheDir, options }: LayerFetch,
  layer: PackedLayer,
): Promise<unknown> {
  const isSuspect = isSlipwayError(
    refused,
    'OCI_COMPRESSION_INVALID',
    'OCI_TAR_INVALID',
    'LAYER_ENTRY_REFUSED',
  );
  if (!isSuspect) return refused;
  const { checkPackedLayer } = await import('@slipway/oci');
  try {
    await checkPackedLayer(source, layer, { ...options, cacheDir });
  } catch (found) {
    if (isSlipwayError(found, 'OCI_DIGEST_MISMATCH')) return found;
  }
  return refused;
}
