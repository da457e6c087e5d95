import { createHash, type Hash } from 'node:crypto';
import { coalescingWriter } from '../device/coalescing.ts';
import type { PartialFile } from '../device/partial-file.ts';

/** Takes the bytes of a container one after another. */
export interface ByteSink {
  /** How many bytes it has. */
  readonly lengthBytes: number;
  append(bytes: Uint8Array): Promise<void>;
}

/** A file that is written front to back, a few fields at its front perhaps later. */
export class SequentialFile implements ByteSink, AsyncDisposable {
  readonly #file: PartialFile;
  readonly #writer: ReturnType<typeof coalescingWriter>;
  #end: number;

  /** Begins at `startBytes`; what is before is filled in by {@link finish}. */
  constructor(file: PartialFile, startBytes = 0) {
    this.#file = file;
    this.#end = startBytes;
    this.#writer = coalescingWriter((offsetBytes, bytes) => file.write(offsetBytes, bytes));
  }

  get lengthBytes(): number {
    return this.#end;
  }

  async append(bytes: Uint8Array): Promise<void> {
    await this.#writer.write(this.#end, bytes);
    this.#end += bytes.length;
  }

  /** Puts `front` at the beginning, now that it is known, and gives the file its name. */
  async finish(front?: Uint8Array): Promise<void> {
    await this.#writer.flush();
    if (front !== undefined) await this.#file.write(0, front);
    await this.#file.commit();
  }

  /** Waits for writes under way and removes the file unless it was finished. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.flush().catch(() => undefined);
    await this.#file[Symbol.asyncDispose]();
  }
}

/** A part of a file, with the SHA-256 of it. */
export class HashedPart implements ByteSink {
  readonly #sink: ByteSink;
  readonly #startBytes: number;
  readonly #hash: Hash = createHash('sha256');

  constructor(sink: ByteSink) {
    this.#sink = sink;
    this.#startBytes = sink.lengthBytes;
  }

  get lengthBytes(): number {
    return this.#sink.lengthBytes - this.#startBytes;
  }

  async append(bytes: Uint8Array): Promise<void> {
    this.#hash.update(bytes);
    await this.#sink.append(bytes);
  }

  /** Of everything that was appended; asked once. */
  sha256(): string {
    return this.#hash.digest('hex');
  }
}
