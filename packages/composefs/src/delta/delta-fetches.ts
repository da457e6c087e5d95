import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import {
  isSlipwayError,
  messageOf,
  type OperationOptions,
  operation,
  type ProgressTask,
  startTask,
} from '@slipway/core';
import type { Descriptor, Digest, ImageSource, ResolvedImage } from '@slipway/oci';
import { layerTask } from '../import/layer-task.ts';
import { hasLayerWorkers, type LayerWorkers } from '../import/layer-workers.ts';
import { type ReadLayer, readLayer } from '../import/read-layer.ts';
import { Turns } from '../import/turns.ts';
import type { Repository } from '../repository/repository.ts';
import type { UsableDeltas } from './find-deltas.ts';
import { archiveLimit, deltaInvalid } from './format.ts';
import { type OldFiles, readOldFiles } from './old-files.ts';
import { type LayerDelta, makeArchive, openLayerDelta, readLayerDelta } from './reader.ts';

/** An image whose layers are fetched. */
interface ImageFetch {
  readonly source: ImageSource;
  readonly image: ResolvedImage;
  readonly cacheDir: string;
  readonly workers: LayerWorkers;
  readonly options: OperationOptions;
}

/** What came of trying. */
interface DeltaOutcome {
  /** Undefined: the layer has to be fetched in another way. */
  readonly layer: ReadLayer | undefined;
  /** Bytes that came from the source, also for nothing. */
  readonly fetchedBytes: number;
}

/** Starting a thread takes longer than reading less than this. */
const THREAD_BYTES = 8 * 1024 * 1024;
/** These say something about this machine, and any other way to fetch the layer ends the same. */
const NOT_THE_DELTA = ['ABORTED', 'NO_SPACE', 'VERITY_UNAVAILABLE'] as const;

/**
 * Makes layers of an image from deltas, where there are some.
 *
 * What comes out is what the whole layer would have given, or nothing: the archive made of a delta has the digest the image's
 * configuration names, or is refused, and everything after the archive is done as with any other layer. A power cut leaves
 * objects no record names, which the next collection of garbage takes.
 */
export class DeltaFetches {
  readonly #repository: Repository;
  readonly #deltas: UsableDeltas;
  /** By the layers they come from: all deltas of one image start from the same. */
  readonly #oldFiles = new Map<string, OldFiles>();
  /** One layer is made at a time: each needs the windows of four decoders and a thread that reads it. */
  readonly #turns = new Turns(1);

  constructor(repository: Repository, deltas: UsableDeltas) {
    this.#repository = repository;
    this.#deltas = deltas;
  }

  /** Tries one layer. */
  async fetch(fetch: ImageFetch, index: number): Promise<DeltaOutcome> {
    const { manifest, config } = fetch.image;
    const [layer, diffId] = [manifest.layers[index], config.diffIds[index]];
    const delta = diffId === undefined ? undefined : this.#deltas.get(diffId);
    if (layer === undefined || diffId === undefined || delta === undefined || delta.size >= layer.size)
      return { layer: undefined, fetchedBytes: 0 };
    const { signal, progress, log } = operation(fetch.options);
    const task = startTask(progress, layerTask(fetch.image, index), 'bytes', layer.size);
    const counter = new Counter(task);
    try {
      // Named by place, so that what kills leave behind makes way for the next.
      const path = join(fetch.cacheDir, `layer-${index}.delta`);
      const read = await this.#fetch(fetch, delta, diffId, layer, path, counter);
      task.save(layer.size - delta.size);
      return { layer: read, fetchedBytes: counter.fetchedBytes };
    } catch (cause) {
      signal.throwIfAborted();
      if (!isSlipwayError(cause) || isSlipwayError(cause, ...NOT_THE_DELTA)) throw cause;
      log.warn('a layer cannot be made of its delta and is fetched without it', {
        layer: layerTask(fetch.image, index),
        reason: messageOf(cause),
      });
      return { layer: undefined, fetchedBytes: counter.fetchedBytes };
    } finally {
      task.end();
    }
  }

  /** Gives back what making layers takes, when no more come. */
  release(): void {
    for (const old of this.#oldFiles.values()) old[Symbol.dispose]();
    this.#oldFiles.clear();
  }

  async #fetch(
    fetch: ImageFetch,
    descriptor: Descriptor,
    diffId: Digest,
    layer: Descriptor,
    path: string,
    counter: Counter,
  ): Promise<ReadLayer> {
    try {
      await download(fetch, descriptor, diffId, path, counter);
      const delta = readLayerDelta(path, descriptor.size);
      const { head } = delta;
      if (head.diffId !== diffId) throw deltaInvalid('it is of another layer');
      if (head.archiveBytes > archiveLimit(layer.size))
        throw deltaInvalid('it makes more than the layer can hold');
      return await this.#turns.run(() => this.#read(fetch, delta, descriptor));
    } finally {
      await rm(path, { force: true });
    }
  }

  /** Making a long archive and reading it are done by two threads; the reading one compares the digest. */
  async #read(
    { workers, options }: ImageFetch,
    delta: LayerDelta,
    descriptor: Descriptor,
  ): Promise<ReadLayer> {
    operation(options).signal.throwIfAborted();
    const { diffId, archiveBytes } = delta.head;
    const old = this.#old(delta);
    if (archiveBytes < THREAD_BYTES || !hasLayerWorkers()) {
      const archive = openLayerDelta(this.#repository, delta, old, options);
      return await readLayer(this.#repository.objects, archive, diffId, options);
    }
    const what = `layer ${diffId} made of the delta ${descriptor.digest}`;
    const archive = makeArchive(this.#repository, delta, old, options);
    return await workers.read(archive, { descriptor, diffId, what }, operation(options).signal);
  }

  #old({ head }: LayerDelta): OldFiles {
    const key = JSON.stringify(head.oldLayers);
    const known = this.#oldFiles.get(key);
    if (known !== undefined) return known;
    const old = readOldFiles(this.#repository, head.oldLayers);
    this.#oldFiles.set(key, old);
    return old;
  }
}

/** Brings a delta into a file; what arrived of it before a kill is not fetched again. Verified by its end. */
async function download(
  { source, cacheDir, options }: ImageFetch,
  descriptor: Descriptor,
  diffId: Digest,
  path: string,
  counter: Counter,
): Promise<void> {
  const { openPackedLayer } = await import('@slipway/oci');
  const what = `the delta ${descriptor.digest} of ${source.name}`;
  const onFetched = (bytes: number): void => counter.add(bytes);
  const blob = openPackedLayer(source, { descriptor, diffId, what }, { ...options, cacheDir, onFetched });
  await pipeline(blob, createWriteStream(path, { mode: 0o600 }));
}

class Counter {
  readonly #task: ProgressTask;
  #bytes = 0;

  constructor(task: ProgressTask) {
    this.#task = task;
  }

  get fetchedBytes(): number {
    return this.#bytes;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
    this.#task.advance(bytes);
  }
}
