import { availableParallelism } from 'node:os';
import { type FilePart, type LoadedParts, loadParts, VerityPool } from '@slipway/composefs';
import { messageOf, SlipwayError } from '@slipway/core';
import { AREA_BYTES, type Area, type AreaPart, fileSteps, type StreamedFile } from './area.ts';
import type { Ext4Plan } from './plan.ts';

/** An area with the content of its files in place, and zeros where their proofs go. */
export interface LoadedArea {
  readonly kind: 'area';
  readonly area: Area;
  readonly bytes: Buffer<ArrayBuffer>;
  /** The leaf hashes of the content, part after part. */
  readonly hashes: Uint8Array;
}

/** Threads at work. What they bring is written by one: more of them would wait for it. */
const MOST_THREADS = 2;
/** Areas under way for each thread: one it works on, one that waits for it or for being written. */
const AREAS_PER_THREAD = 2;

/** Brings files into areas, ahead of whoever writes them, on threads where there are some. */
export class AreaLoader implements AsyncDisposable {
  readonly #plan: Ext4Plan;
  readonly #threads: number;
  readonly #pool: VerityPool | undefined;
  /** Memory nothing is in. */
  readonly #spare: Uint8Array<ArrayBuffer>[] = [];

  constructor(plan: Ext4Plan) {
    this.#plan = plan;
    this.#threads = Math.min(MOST_THREADS, availableParallelism());
    this.#pool = VerityPool.isUseful() ? new VerityPool(this.#threads) : undefined;
  }

  /**
   * All files in the order of the disk. The bytes of an area are good until the next one is asked for.
   *
   * @throws SlipwayError IO_FAILED when a file cannot be read
   */
  async *steps(): AsyncGenerator<LoadedArea | StreamedFile, void, undefined> {
    const steps = fileSteps(this.#plan);
    const ahead: Promise<LoadedArea | StreamedFile>[] = [];
    for (;;) {
      while (ahead.length < this.#threads * AREAS_PER_THREAD) {
        const { value } = steps.next();
        if (value === undefined) break;
        ahead.push(this.#begin(value));
      }
      const next = await ahead.shift();
      if (next === undefined) return;
      yield next;
      if (next.kind === 'area') this.#spare.push(new Uint8Array(next.bytes.buffer));
    }
  }

  /** Ends the threads, whatever they are doing. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool?.[Symbol.asyncDispose]();
  }

  #begin(step: Area | StreamedFile): Promise<LoadedArea | StreamedFile> {
    const begun = step.kind === 'area' ? this.#load(step) : Promise.resolve(step);
    // A failure is thrown where it is awaited; without this it would count as unhandled until then.
    begun.catch(() => undefined);
    return begun;
  }

  async #load(area: Area): Promise<LoadedArea> {
    const room = this.#spare.pop() ?? new Uint8Array(AREA_BYTES);
    const { bytes, hashes } = await this.#read(area, room.subarray(0, area.lengthBytes));
    return { kind: 'area', area, bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), hashes };
  }

  async #read({ parts, algorithm }: Area, into: Uint8Array<ArrayBuffer>): Promise<LoadedParts> {
    const wanted = parts.flatMap((part) => this.#content(part));
    try {
      if (this.#pool !== undefined) return await this.#pool.load(wanted, into, algorithm);
      return { bytes: into, hashes: loadParts(wanted, into, algorithm) };
    } catch (cause) {
      throw new SlipwayError('IO_FAILED', `cannot read files: ${messageOf(cause)}`, { cause });
    }
  }

  #content({ kind, inode, offsetBytes, sizeBytes, at }: AreaPart): readonly FilePart[] {
    const node = this.#plan.tree.node(inode);
    if (kind !== 'content' || node.kind !== 'file' || node.path === undefined) return [];
    return [{ path: node.path, offsetBytes, sizeBytes, at }];
  }
}
