import { isSlipwayError, operation, SlipwayError, startTask } from '@slipway/core';
import type { Digest, ResolvedImage } from '@slipway/oci';
import type { Repository } from '../repository/repository.ts';
import { readRecord, type StreamRecord } from '../repository/stream-record.ts';
import { digestBytesOf } from '../verity/algorithm.ts';
import { type FetchedLayer, fetchLayer, type LayerFetch } from './fetch-layer.ts';
import { layerEntries, layerStreamName } from './layer-record.ts';
import { layerTask } from './layer-task.ts';
import { layersAtOnce } from './layer-workers.ts';
import type { LayeredTree } from './layered-tree.ts';
import type { LayerCount } from './read-layer.ts';
import { RecordQueue } from './record-queue.ts';
import { Turns } from './turns.ts';

/** What became of one layer. */
export interface ImportedLayer extends Readonly<LayerCount> {
  readonly diffId: Digest;
  /** Whether its record was in the store: nothing was fetched and nothing read. */
  readonly reused: boolean;
  /** Bytes that came from the source. */
  readonly fetchedBytes: number;
}

/** One layer of the image. */
interface LayerOfImage {
  readonly index: number;
  readonly diffId: Digest;
  /** Length as transported. */
  readonly sizeBytes: number;
}

/** A layer's record, at hand or on its way. */
type LayerAtWork =
  | { readonly kind: 'recorded'; readonly layer: LayerOfImage; readonly record: StreamRecord }
  | { readonly kind: 'fetching'; readonly layer: LayerOfImage; readonly fetched: Promise<FetchedLayer> };

/**
 * Applies all layers of an image to a tree, from the bottom up, whatever order they come in.
 *
 * Layers the store has no record of are fetched a few at a time, the longest first. Each is recorded as soon as its objects are
 * synced, so an import cut short keeps every layer it has read, whichever they are. The first failure stops the rest.
 */
export async function importLayers(job: LayerFetch, tree: LayeredTree): Promise<readonly ImportedLayer[]> {
  const stop = new AbortController();
  const signal = AbortSignal.any([operation(job.options).signal, stop.signal]);
  const records = new RecordQueue(job.repository, (cause) => stop.abort(cause));
  const layers = beginLayers({ ...job, options: { ...job.options, signal } }, records, stop);
  const fetches = layers.flatMap((work) => (work.kind === 'fetching' ? [settled(work.fetched)] : []));
  try {
    const imported: ImportedLayer[] = [];
    // Taken off the list: a record that was applied is not held any longer.
    for (let work = layers.shift(); work !== undefined; work = layers.shift())
      imported.push(await applyLayer(job, tree, work, imported));
    await records.finished();
    return imported;
  } catch (cause) {
    stop.abort(cause);
    // What stopped the others, where this is only one of them saying so.
    throw stop.signal.reason;
  } finally {
    await Promise.all(fetches);
    // Layers that were read whole are kept, even if another one failed; that failure is the one to tell.
    await records.finished().catch(() => undefined);
  }
}

/** When it is over, however it ended; nothing is held of what came of it. */
async function settled(work: Promise<unknown>): Promise<void> {
  await work.then(
    () => undefined,
    () => undefined,
  );
}

/** Finds what the store has, and starts fetching the rest. */
function beginLayers(job: LayerFetch, records: RecordQueue, stop: AbortController): LayerAtWork[] {
  const layers = layersOf(job.image);
  const known = new Map(layers.map(({ diffId }) => [diffId, usableRecord(job, diffId)]));
  const turns = new Turns(layersAtOnce());
  const fetches = new Map<Digest, Promise<FetchedLayer>>();
  let unfinished = 0;
  for (const layer of layers.toSorted((a, b) => b.sizeBytes - a.sizeBytes)) {
    const { diffId } = layer;
    if (known.get(diffId) !== undefined || fetches.has(diffId)) continue;
    unfinished += 1;
    const fetched = turns.run(async () => {
      const outcome = await fetchAndRecord(job, layer, records);
      unfinished -= 1;
      if (unfinished === 0) await releaseFetching(job);
      if (turns.waiting === 0) await job.workers.stopIdle();
      return outcome;
    });
    fetched.catch((cause: unknown) => stop.abort(cause));
    fetches.set(diffId, fetched);
  }
  return layers.map((layer) => {
    const record = known.get(layer.diffId);
    if (record !== undefined) return { kind: 'recorded', layer, record };
    const fetched = fetches.get(layer.diffId);
    if (fetched === undefined) throw new Error('internal error: a layer is neither recorded nor fetched');
    return { kind: 'fetching', layer, fetched };
  });
}

/** What only fetching needs would lie beside the tree of the whole image. */
async function releaseFetching({ deltas, partial }: LayerFetch): Promise<void> {
  deltas?.release();
  await partial.release();
}

async function fetchAndRecord(
  job: LayerFetch,
  { index, diffId }: LayerOfImage,
  records: RecordQueue,
): Promise<FetchedLayer> {
  const { signal, log } = operation(job.options);
  signal.throwIfAborted();
  const fetched = await fetchLayer(job, index);
  records.add({ name: layerStreamName(diffId), record: fetched.record });
  log.debug('imported a layer', { diffId, ...fetched.count });
  return fetched;
}

async function applyLayer(
  job: LayerFetch,
  tree: LayeredTree,
  work: LayerAtWork,
  below: readonly ImportedLayer[],
): Promise<ImportedLayer> {
  const { diffId } = work.layer;
  // The same layer twice was fetched once.
  const reused = work.kind === 'recorded' || below.some((layer) => layer.diffId === diffId);
  const task = reused ? startTask(operation(job.options).progress, ...taskOf(job, work.layer)) : undefined;
  const fetched = work.kind === 'fetching' ? await work.fetched : undefined;
  const record = work.kind === 'recorded' ? work.record : recordOf(job, diffId, fetched);
  const entries = applyRecord(tree, diffId, record);
  task?.save(work.layer.sizeBytes);
  task?.end();
  if (fetched !== undefined && !reused)
    return { diffId, reused, fetchedBytes: fetched.fetchedBytes, ...fetched.count };
  return { diffId, reused, entries, fetchedBytes: 0, newObjects: 0, newObjectBytes: 0, sharedBytes: 0 };
}

function taskOf({ image }: LayerFetch, { index, sizeBytes }: LayerOfImage): [string, 'bytes', number] {
  return [layerTask(image, index), 'bytes', sizeBytes];
}

function applyRecord(tree: LayeredTree, diffId: Digest, record: StreamRecord): number {
  let entries = 0;
  tree.beginLayer(diffId);
  for (const entry of layerEntries(record, diffId)) {
    tree.apply(entry);
    entries += 1;
  }
  return entries;
}

/** The record that was just written. */
function recordOf(
  { repository }: LayerFetch,
  diffId: Digest,
  fetched: FetchedLayer | undefined,
): StreamRecord {
  const bytes = fetched?.record ?? Buffer.alloc(0);
  const record = readRecord(bytes, digestBytesOf(repository.algorithm), layerStreamName(diffId));
  if (record === undefined) throw new Error('internal error: the record of a layer is none');
  return record;
}

function hasAll(repository: Repository, { objects }: StreamRecord): boolean {
  return Iterator.from(objects).every((digest) => repository.hasObject(Buffer.from(digest).toString('hex')));
}

/** The record of a layer; undefined when there is none, or what it names is not all here. */
function usableRecord({ repository, options }: LayerFetch, diffId: Digest): StreamRecord | undefined {
  const { log } = operation(options);
  try {
    const record = repository.readStream(layerStreamName(diffId));
    if (record !== undefined && hasAll(repository, record)) return record;
    if (record !== undefined) log.warn('a layer lost objects and is fetched again', { diffId });
  } catch (cause) {
    // A damaged record is no reason to fail: the layer itself says the same. It is replaced by the new one.
    if (!isSlipwayError(cause, 'OBJECT_CORRUPT', 'OBJECT_MISSING', 'REPOSITORY_INVALID')) throw cause;
    log.warn('the record of a layer is damaged; the layer is fetched again', {
      diffId,
      reason: cause.message,
    });
  }
  return undefined;
}

/** Layers and what is in them, which two documents say in the same order. */
function layersOf(image: ResolvedImage): readonly LayerOfImage[] {
  const { layers } = image.manifest;
  const { diffIds } = image.config;
  const paired = layers.flatMap(({ size }, index) => {
    const diffId = diffIds[index];
    return diffId === undefined ? [] : [{ index, diffId, sizeBytes: size }];
  });
  if (paired.length === layers.length && layers.length === diffIds.length) return paired;
  throw new SlipwayError(
    'OCI_MANIFEST_INVALID',
    `cannot import ${image.manifestDigest}: ${layers.length} layers in the manifest, ${diffIds.length} in the configuration`,
    { details: { layers: layers.length, diffIds: diffIds.length } },
  );
}
