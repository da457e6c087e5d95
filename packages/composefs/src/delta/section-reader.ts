import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { constants, createZstdDecompress } from 'node:zlib';
import { freeEngineChunk, messageOf } from '@slipway/core';
import { deltaInvalid, type SectionSize } from './format.ts';

/** A section in a file. */
export interface StoredSection extends SectionSize {
  readonly path: string;
  /** Where it begins. */
  readonly atBytes: number;
}

const OUTPUT_CHUNK_BYTES = 256 * 1024;
const EMPTY = Buffer.alloc(0);

/** Unpacks a section as it is asked for: what is held is one window of the decoder and one chunk. */
export class SectionReader implements Disposable {
  readonly #close: () => void;
  readonly #chunks: AsyncIterator<Buffer, unknown, undefined>;
  #chunk: Buffer = EMPTY;
  #at = 0;

  constructor(section: StoredSection, windowLog: number, dictionary?: Buffer) {
    if (section.storedBytes === 0) {
      this.#close = () => undefined;
      this.#chunks = nothing();
      return;
    }
    const { path, atBytes, storedBytes } = section;
    const engine = createZstdDecompress({
      chunkSize: OUTPUT_CHUNK_BYTES,
      params: { [constants.ZSTD_d_windowLogMax]: windowLog },
      ...(dictionary === undefined ? {} : { dictionary }),
    });
    const file = createReadStream(path, { start: atBytes, end: atBytes + storedBytes - 1 });
    // Whoever reads the engine hears of failures of either.
    pipeline(file, engine, () => undefined);
    this.#close = () => {
      file.destroy();
      engine.destroy();
    };
    this.#chunks = (engine as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  }

  /** At most so many bytes that are here already; undefined when none are. Good until the next call of {@link next}. */
  nextNow(maximum: number): Buffer | undefined {
    const length = Math.min(this.#chunk.length - this.#at, maximum);
    if (length === 0) return undefined;
    this.#at += length;
    return this.#chunk.subarray(this.#at - length, this.#at);
  }

  /**
   * At most so many bytes, at least one; good until the next call.
   *
   * @throws SlipwayError DELTA_INVALID when there are no more
   */
  async next(maximum: number): Promise<Buffer> {
    for (;;) {
      const piece = this.nextNow(maximum);
      if (piece !== undefined) return piece;
      await this.#fill();
    }
  }

  /** One byte that is here already. */
  byteNow(): number | undefined {
    if (this.#at === this.#chunk.length) return undefined;
    this.#at += 1;
    return this.#chunk[this.#at - 1];
  }

  async byte(): Promise<number> {
    const [byte = 0] = await this.next(1);
    return byte;
  }

  /** Everything, when it is exactly as long as the section says. */
  async whole({ rawBytes }: SectionSize): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(rawBytes);
    for (let at = 0; at < rawBytes; ) at += (await this.next(rawBytes - at)).copy(bytes, at);
    return bytes;
  }

  [Symbol.dispose](): void {
    this.#close();
  }

  async #fill(): Promise<void> {
    let next: IteratorResult<Buffer, unknown>;
    try {
      next = await this.#chunks.next();
    } catch (cause) {
      throw deltaInvalid(`a section does not unpack: ${messageOf(cause)}`, cause);
    }
    if (next.done === true) throw deltaInvalid('a section ends early');
    freeEngineChunk(this.#chunk, OUTPUT_CHUNK_BYTES);
    this.#chunk = next.value;
    this.#at = 0;
  }
}

async function* nothing(): AsyncGenerator<Buffer, void, undefined> {
  // A section that unpacks to nothing.
}
