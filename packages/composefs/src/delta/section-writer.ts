import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { constants, createZstdCompress, type ZstdOptions, zstdCompressSync } from 'node:zlib';
import type { SectionSize } from './format.ts';

/** Small writes are gathered into blocks of this; a section that is not longer is packed at once. */
const GATHER_BYTES = 1024 * 1024;
const LEVEL = 19;

/**
 * Packs a section into a file. One thread: the same bytes give the same section with the same zstd, however they were cut.
 */
export class SectionWriter {
  readonly path: string;
  readonly #options: ZstdOptions;
  #stream: SectionStream | undefined;
  #rawBytes = 0;
  #block: Buffer = Buffer.allocUnsafe(GATHER_BYTES);
  #filled = 0;

  constructor(path: string, windowLog: number, dictionary?: Buffer) {
    this.path = path;
    this.#options = {
      params: {
        [constants.ZSTD_c_compressionLevel]: LEVEL,
        [constants.ZSTD_c_windowLog]: windowLog,
        [constants.ZSTD_c_contentSizeFlag]: 0,
      },
      ...(dictionary === undefined ? {} : { dictionary }),
    };
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#rawBytes += bytes.length;
    for (let at = 0; at < bytes.length; ) {
      if (this.#filled === GATHER_BYTES) await this.#flush();
      const part = bytes.subarray(at, at + GATHER_BYTES - this.#filled);
      this.#block.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
    }
  }

  /** Ends the section. Nothing at all is stored of nothing. */
  async finish(): Promise<SectionSize> {
    const rawBytes = this.#rawBytes;
    if (this.#stream !== undefined) {
      await this.#flush();
      return { storedBytes: await this.#stream.finish(), rawBytes };
    }
    const block = this.#block.subarray(0, this.#filled);
    const packed = rawBytes === 0 ? block : zstdCompressSync(block, this.#options);
    await writeFile(this.path, packed);
    return { storedBytes: packed.length, rawBytes };
  }

  /** Gives it up. */
  async discard(): Promise<void> {
    await this.#stream?.discard();
  }

  async #flush(): Promise<void> {
    this.#stream ??= new SectionStream(this.path, this.#options);
    const block = this.#block.subarray(0, this.#filled);
    this.#block = Buffer.allocUnsafe(GATHER_BYTES);
    this.#filled = 0;
    await this.#stream.write(block);
  }
}

/** A section that is too long for memory. */
class SectionStream {
  readonly #engine: ReturnType<typeof createZstdCompress>;
  readonly #written: Promise<void>;
  #storedBytes = 0;

  constructor(path: string, options: ZstdOptions) {
    this.#engine = createZstdCompress(options);
    this.#engine.on('data', (chunk: Buffer) => {
      this.#storedBytes += chunk.length;
    });
    this.#written = pipeline(this.#engine, createWriteStream(path));
    // Whoever writes next, or ends it, hears of a failure.
    this.#written.catch(() => undefined);
  }

  async write(block: Buffer): Promise<void> {
    if (!this.#engine.write(block)) await Promise.race([once(this.#engine, 'drain'), this.#written]);
  }

  async finish(): Promise<number> {
    this.#engine.end();
    await this.#written;
    return this.#storedBytes;
  }

  async discard(): Promise<void> {
    this.#engine.destroy();
    await this.#written.catch(() => undefined);
  }
}
