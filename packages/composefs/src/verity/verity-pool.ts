import { availableParallelism } from 'node:os';
import type { Worker } from 'node:worker_threads';
import { messageOf } from '@slipway/core';
import { SMALL_NURSERY, WorkerScript } from '@slipway/core/thread';
import type { VerityAlgorithm } from './algorithm.ts';
import { type MerkleTree, VerityHasher } from './hasher.ts';
import type { FilePart } from './load-parts.ts';
import type { Answer, Done, Order } from './verity-worker.ts';

const SCRIPT = new WorkerScript(import.meta.url, 'verity-worker');

/** One order: large enough that asking costs nothing beside it, small enough that all threads end together. */
const PART_BYTES = 4 * 1024 * 1024;

/** From this size on threads are worth their start: each takes as much of a processor as hashing 80 MB. */
export const POOL_PAYS_BYTES: number = 512 * 1024 * 1024;

/** Parts of files in memory. */
export type LoadedParts = Pick<Extract<Done, { kind: 'load' }>, 'bytes' | 'hashes'>;

/**
 * Builds Merkle trees of files on threads: parts of one file at the same time, and several files at the same time.
 * This thread only puts the hashes of the blocks together, 1/128 of the work.
 *
 * For bytes that come as a stream anyway, a {@link VerityHasher} beside whoever makes the stream is better: it hashes
 * almost as fast as the processor can, and handing bytes over costs more than it saves.
 */
export class VerityPool implements AsyncDisposable {
  readonly #most: number;
  readonly #all: PartWorker[] = [];
  readonly #idle: PartWorker[] = [];
  readonly #waiting: ((worker: PartWorker) => void)[] = [];

  /** @param threads at most; default as many as this process may use processors */
  constructor(threads: number = availableParallelism()) {
    this.#most = Math.max(1, threads);
  }

  /** Whether threads would help here: there is more than one processor, and the script they run. */
  static isUseful(): boolean {
    return availableParallelism() > 1 && SCRIPT.isThere();
  }

  /**
   * The Merkle tree of an open file.
   *
   * @param fd open for reading until the tree is there; its position does not matter and stays
   * @param sizeBytes how much to read; a file that turns out shorter has a smaller `sizeBytes` in its tree
   * @throws what reading throws
   */
  async merkleTree(
    fd: number,
    sizeBytes: number,
    algorithm: VerityAlgorithm,
    options: { readonly keepTree?: boolean; readonly signal?: AbortSignal } = {},
  ): Promise<MerkleTree> {
    const hasher = new VerityHasher(algorithm, options);
    const ahead: Promise<HashedPart>[] = [];
    let asked = 0;
    try {
      for (let taken = 0; taken < sizeBytes; taken += PART_BYTES) {
        options.signal?.throwIfAborted();
        for (; asked < sizeBytes && ahead.length < this.#most * 2; asked += PART_BYTES) {
          const part = { fd, offset: asked, sizeBytes: Math.min(PART_BYTES, sizeBytes - asked), algorithm };
          ahead.push(this.#ask({ kind: 'hash', ...part }, []));
        }
        const { hashes, sizeBytes: read } = (await ahead.shift()) ?? NOTHING;
        hasher.addLeafHashes(hashes, read);
        if (read < Math.min(PART_BYTES, sizeBytes - taken)) break;
      }
      return hasher.finish();
    } finally {
      // The descriptor is the caller's to close, and its number may then be another file's: nobody may be reading.
      await Promise.allSettled(ahead);
    }
  }

  /**
   * Parts of files in memory, as {@link loadParts} puts them there.
   *
   * @param into is given away; `bytes` of the answer is the same memory
   * @throws what reading throws
   */
  async load(
    parts: readonly FilePart[],
    into: Uint8Array<ArrayBuffer>,
    algorithm: VerityAlgorithm,
  ): Promise<LoadedParts> {
    return await this.#ask({ kind: 'load', parts, into, algorithm }, [into.buffer]);
  }

  /** Ends the threads. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#all.map((worker) => worker.stop()));
  }

  async #ask<O extends Order>(order: O, given: readonly ArrayBuffer[]): Promise<DoneOf<O>> {
    const worker = await this.#free();
    try {
      const answer = await worker.ask(order, given);
      if (answer.kind === 'failed') throw Object.assign(new Error(answer.message), { code: answer.code });
      return answer as DoneOf<O>;
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#idle.push(worker);
      else next(worker);
    }
  }

  async #free(): Promise<PartWorker> {
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    if (this.#all.length < this.#most) {
      const started = new PartWorker();
      this.#all.push(started);
      return started;
    }
    const { promise, resolve } = Promise.withResolvers<PartWorker>();
    this.#waiting.push(resolve);
    return await promise;
  }
}

type DoneOf<O extends Order> = Extract<Done, { kind: O['kind'] }>;
type HashedPart = Extract<Done, { kind: 'hash' }>;
const NOTHING: HashedPart = { kind: 'hash', hashes: new Uint8Array(0), sizeBytes: 0 };

/** One thread, which has one order at a time. */
class PartWorker {
  readonly #thread: Worker = SCRIPT.start({ resourceLimits: SMALL_NURSERY });
  #answer = Promise.withResolvers<Answer>();
  /** Why it answers no more. */
  #ended: Answer | undefined;

  constructor() {
    this.#thread.on('message', (answer: Answer) => this.#answer.resolve(answer));
    this.#thread.on('error', (cause) => this.#end(messageOf(cause)));
    this.#thread.on('exit', () => this.#end('internal error: a thread that hashes ended'));
  }

  async ask(order: Order, given: readonly ArrayBuffer[]): Promise<Answer> {
    if (this.#ended !== undefined) return this.#ended;
    this.#answer = Promise.withResolvers<Answer>();
    this.#thread.postMessage(order, [...given]);
    return await this.#answer.promise;
  }

  async stop(): Promise<void> {
    await this.#thread.terminate();
  }

  #end(message: string): void {
    this.#ended ??= { kind: 'failed', message, code: undefined };
    this.#answer.resolve(this.#ended);
  }
}
