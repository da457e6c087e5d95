import { availableParallelism } from 'node:os';
import type { Worker } from 'node:worker_threads';
import { type ByteStream, copiedInPieces } from '@slipway/core';
import { SMALL_NURSERY, unpackThrown, WorkerScript } from '@slipway/core/thread';
import { releaseMemory } from '@slipway/linux';
import type { PackedLayer } from '@slipway/oci';
import type { Repository } from '../repository/repository.ts';
import {
  CHUNK_BYTES,
  CHUNKS_AHEAD,
  type LayerOrder,
  type LayerReport,
  type LayerWorkerData,
} from './layer-worker-protocol.ts';
import type { ReadLayer } from './read-layer.ts';

const SCRIPT = new WorkerScript(import.meta.url, 'layer-worker');

/** Layers read at a time. More would not be faster: each keeps two processors busy, decompressing and the rest. */
const MOST_WORKERS = 2;

/** How many layers to read at a time on this machine. */
export function layersAtOnce(): number {
  return Math.min(MOST_WORKERS, availableParallelism());
}

/** Threads that read layers into one store. */
export class LayerWorkers implements AsyncDisposable {
  readonly #repository: Repository;
  readonly #idle: LayerWorker[] = [];
  readonly #busy = new Set<LayerWorker>();

  constructor(repository: Repository) {
    this.#repository = repository;
  }

  /**
   * Reads a layer as `readLayer` does, in a thread nobody else uses meanwhile.
   *
   * @param blob as transported, verified
   * @throws what `readLayer` and the blob throw
   */
  async read(blob: ByteStream, layer: PackedLayer, signal: AbortSignal): Promise<ReadLayer> {
    const worker = this.#idle.pop() ?? this.#start();
    this.#busy.add(worker);
    const { record, count, sealing } = await worker.read(blob, layer, signal);
    this.#busy.delete(worker);
    this.#idle.push(worker);
    this.#repository.objects.noteSealing(sealing);
    return { record: Buffer.from(record.buffer, record.byteOffset, record.length), count };
  }

  /** Ends the threads that do nothing: what they hold would lie beside the tree of the whole image. */
  async stopIdle(): Promise<void> {
    const idle = this.#idle.splice(0);
    await Promise.all(idle.map((worker) => worker.stop()));
    if (idle.length > 0) releaseMemory();
  }

  /** Ends all threads, whatever they are doing. Files they have open have no names and vanish. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopIdle();
    await Promise.all([...this.#busy].map((worker) => worker.stop()));
  }

  #start(): LayerWorker {
    const { path: storePath, algorithm, verity } = this.#repository;
    return new LayerWorker({ storePath, algorithm, verity });
  }
}

type LayerWasRead = Extract<LayerReport, { kind: 'read' }>;

/** One thread, and the conversation with it. */
class LayerWorker {
  readonly #thread: Worker;
  #ahead = 0;
  #outcome = Promise.withResolvers<LayerWasRead>();
  #over = false;
  #wake: (() => void) | undefined;

  constructor(data: LayerWorkerData) {
    this.#thread = SCRIPT.start({ workerData: data, resourceLimits: SMALL_NURSERY });
    this.#thread.on('message', (report: LayerReport) => this.#hear(report));
    this.#thread.on('error', (cause) => this.#fail(cause));
    this.#thread.on('exit', () =>
      this.#fail(new Error('internal error: the thread that read a layer ended')),
    );
  }

  async read(blob: ByteStream, { diffId, what }: PackedLayer, signal: AbortSignal): Promise<LayerWasRead> {
    this.#outcome = Promise.withResolvers<LayerWasRead>();
    // Also when nobody waits for it any more, because the blob failed first.
    this.#outcome.promise.catch(() => undefined);
    this.#over = false;
    this.#ahead = 0;
    this.#send({ kind: 'begin', diffId, what });
    await this.#feed(blob, signal);
    return await this.#outcome.promise;
  }

  async stop(): Promise<void> {
    await this.#thread.terminate();
  }

  /** Sends the bytes, never far ahead of the thread, until it has an outcome. */
  async #feed(blob: ByteStream, signal: AbortSignal): Promise<void> {
    for await (const bytes of copiedInPieces(blob, CHUNK_BYTES)) {
      while (this.#ahead >= CHUNKS_AHEAD && !this.#over) await this.#report();
      signal.throwIfAborted();
      if (this.#over) return;
      this.#ahead += 1;
      this.#thread.postMessage({ kind: 'chunk', bytes } satisfies LayerOrder, [bytes.buffer]);
    }
    this.#send({ kind: 'end' });
  }

  async #report(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    await promise;
  }

  #hear(report: LayerReport): void {
    if (report.kind === 'taken') this.#ahead -= 1;
    else if (report.kind === 'failed') this.#fail(unpackThrown(report.failure));
    else {
      this.#over = true;
      this.#outcome.resolve(report);
    }
    this.#wake?.();
  }

  #fail(cause: unknown): void {
    this.#over = true;
    this.#outcome.reject(cause);
    this.#wake?.();
  }

  #send(order: LayerOrder): void {
    this.#thread.postMessage(order, []);
  }
}

/** Whether threads can be started: a bundle somebody made of this may lack their script. */
export function hasLayerWorkers(): boolean {
  return SCRIPT.isThere();
}
