import { constants } from 'node:fs';
import { type FileHandle, open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, SlipwayError } from '@slipway/core';
import { checkHashed, DigestHasher, digestAlgorithm, digestHex } from '../digest.ts';
import type { Descriptor } from '../image.ts';

const READ_BYTES = 1 << 20;
/** Bytes gathered before they are written: what a kill loses of a download, besides what is being written. */
const GATHER_BYTES = 1 << 18;

/** Bytes gathered: filled from the beginning, written in one piece, and filled again. */
interface Gathered {
  readonly buffer: Buffer;
  filledBytes: number;
}

/**
 * A blob on its way from a registry: `<cacheDir>/<algorithm>-<hex>.partial`.
 *
 * It is never synced: after a power cut it may hold anything, so a part found there counts only once
 * the digest of the whole is right.
 */
export class PartialFile implements AsyncDisposable {
  readonly descriptor: Descriptor;
  readonly #path: string;
  readonly #handle: FileHandle;
  #sizeBytes: number;
  /** Bytes not yet handed to the file, those before them, and the writing of these. */
  #gathered: Gathered | undefined;
  #written: Gathered | undefined;
  #writing: Promise<void> = Promise.resolve();
  #hasher: DigestHasher | undefined;

  private constructor(path: string, handle: FileHandle, descriptor: Descriptor, sizeBytes: number) {
    this.#path = path;
    this.#handle = handle;
    this.descriptor = descriptor;
    this.#sizeBytes = sizeBytes;
  }

  /** Opens what an earlier pull left, or makes it; a file that is too long cannot be a part and is emptied. */
  static async open(cacheDir: string, descriptor: Descriptor): Promise<PartialFile> {
    const path = pathOf(cacheDir, descriptor);
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const handle = await open(path, flags, 0o600);
    const { size } = await handle.stat();
    const file = new PartialFile(path, handle, descriptor, size);
    if (size > descriptor.size) await file.truncate();
    return file;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get isComplete(): boolean {
    return this.#sizeBytes > 0 && this.#sizeBytes === this.descriptor.size;
  }

  /** Hashes the part that is there; bytes appended from now on are hashed as well. */
  async rehash(signal?: AbortSignal): Promise<void> {
    const hasher = new DigestHasher(digestAlgorithm(this.descriptor.digest));
    for await (const chunk of this.read()) {
      signal?.throwIfAborted();
      hasher.update(chunk);
    }
    this.#hasher = hasher;
  }

  /** Adds bytes at the end, of which a copy is made; they are in the file after {@link flush}. */
  async append(chunk: Uint8Array): Promise<void> {
    this.#hasher?.update(chunk);
    for (let at = 0; at < chunk.length; ) {
      const gathered = (this.#gathered ??= emptyGathered());
      const part = chunk.subarray(at, at + GATHER_BYTES - gathered.filledBytes);
      gathered.buffer.set(part, gathered.filledBytes);
      gathered.filledBytes += part.length;
      this.#sizeBytes += part.length;
      at += part.length;
      if (gathered.filledBytes === GATHER_BYTES) await this.#beginWriting();
    }
  }

  /** Everything appended is in the file. */
  async flush(): Promise<void> {
    await this.#writing;
    await this.#write();
  }

  /**
   * Compares the whole file with its descriptor, after {@link rehash}.
   *
   * @throws SlipwayError OCI_DIGEST_MISMATCH
   */
  verify(sourceName: string): void {
    const { digest, size } = this.descriptor;
    if (this.#hasher === undefined) throw new SlipwayError('INTERNAL', 'internal error: nothing was hashed');
    checkHashed(this.#hasher, digest, size, `the blob ${digest} of ${sourceName}`);
    this.#hasher = undefined;
  }

  /** Everything in the file. */
  async *read(): AsyncGenerator<Uint8Array, void, undefined> {
    await this.flush();
    for (let at = 0; at < this.#sizeBytes; ) {
      const length = Math.min(READ_BYTES, this.#sizeBytes - at);
      const { bytesRead, buffer } = await this.#handle.read(Buffer.allocUnsafeSlow(length), 0, length, at);
      if (bytesRead === 0) throw new SlipwayError('IO_FAILED', `cannot read ${this.#path}: it was cut short`);
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  /** Empties the file. */
  async truncate(): Promise<void> {
    await this.flush();
    await this.#handle.truncate(0);
    this.#sizeBytes = 0;
    this.#hasher = undefined;
  }

  /** The blob was used, or is of no use. */
  async remove(): Promise<void> {
    await rm(this.#path, { force: true });
  }

  /** Whoever stops early keeps what has arrived; whether that could be written does not matter any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.flush().catch(() => undefined);
    await this.#handle.close();
  }

  /** Lets what was gathered be written while more is, in the place of what was written before. */
  async #beginWriting(): Promise<void> {
    await this.#writing;
    this.#writing = this.#write();
    // Heard of by the next call, or the flush.
    this.#writing.catch(() => undefined);
    [this.#gathered, this.#written] = [this.#written, this.#gathered];
  }

  /** Writes what was gathered, behind what is there. */
  async #write(): Promise<void> {
    const gathered = this.#gathered;
    if (gathered === undefined) return;
    const { buffer, filledBytes } = gathered;
    const start = this.#sizeBytes - filledBytes;
    gathered.filledBytes = 0;
    try {
      for (let at = 0; at < filledBytes; ) {
        const { bytesWritten } = await this.#handle.write(buffer, at, filledBytes - at, start + at);
        at += bytesWritten;
      }
    } catch (cause) {
      const noSpace = errnoOf(cause) === 'ENOSPC' || errnoOf(cause) === 'EDQUOT';
      throw new SlipwayError(noSpace ? 'NO_SPACE' : 'IO_FAILED', `cannot write ${this.#path}`, {
        ...(noSpace ? { hint: 'make room on the file system that holds it' } : {}),
        cause,
      });
    }
  }
}

function emptyGathered(): Gathered {
  return { buffer: Buffer.allocUnsafeSlow(GATHER_BYTES), filledBytes: 0 };
}

function pathOf(cacheDir: string, { digest }: Descriptor): string {
  return join(cacheDir, `${digestAlgorithm(digest)}-${digestHex(digest)}.partial`);
}

/** How much of a blob an interrupted pull left in the cache directory. */
export async function leftoverBytes(cacheDir: string, descriptor: Descriptor): Promise<number> {
  try {
    const { size } = await stat(pathOf(cacheDir, descriptor));
    return size > descriptor.size ? 0 : size;
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return 0;
    throw cause;
  }
}

/** Takes away what was left of a blob that is not wanted any more. */
export async function removeLeftover(cacheDir: string, descriptor: Descriptor): Promise<void> {
  await rm(pathOf(cacheDir, descriptor), { force: true });
}
