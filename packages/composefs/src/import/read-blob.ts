import { type ByteStream, type OperationOptions, operation } from '@slipway/core';
import type { PackedLayer } from '@slipway/oci';
import { unpackLayer } from '@slipway/oci/layers';
import type { Repository } from '../repository/repository.ts';
import { hasLayerWorkers, type LayerWorkers } from './layer-workers.ts';
import { type ReadLayer, readLayer } from './read-layer.ts';

/** Starting a thread takes longer than reading less than this. */
const WORKER_BYTES = 2 * 1024 * 1024;

/**
 * Reads a layer as it arrives, packed or not, in a thread where that is worth it. Its archive is verified.
 *
 * @param blob a chunk of it may be good only until the next one is asked for
 */
export async function readBlob(
  reading: {
    readonly repository: Repository;
    readonly workers: LayerWorkers;
    readonly options: OperationOptions;
  },
  layer: PackedLayer,
  blob: ByteStream,
): Promise<ReadLayer> {
  const { repository, workers, options } = reading;
  const { signal } = operation(options);
  if (layer.descriptor.size >= WORKER_BYTES && hasLayerWorkers())
    return await workers.read(blob, layer, signal);
  return await readLayer(repository.objects, unpackLayer(copied(blob), layer), layer.diffId, options);
}

/** A thread gets copies by itself; whoever reads here may hold a chunk longer than it is good. */
async function* copied(blob: ByteStream): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of blob) yield Uint8Array.from(chunk);
}
