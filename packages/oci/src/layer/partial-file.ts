import { constants } from 'node:fs';
import { type FileHandle, open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, SlipwayError } from '@slipway/core';
import { checkHashed, DigestHasher, digestAlgorithm, digestHex } from '../digest.ts';
import type { Descriptor } from '../image.ts';

const READ_BYTES = 1 << 20;
/** Bytes gathered before they are written: what a kill loses of a download, besides what is being written. */
const GATHER_BYTES = 1 << 18;

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
  /** Bytes not yet handed to the file, and the writing of those before them. */
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;
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

  /** Adds bytes at the end; they are in the file after {@link flush}. At most twice what is gathered waits in memory. */
  async append(chunk: Uint8Array): Promise<void> {
    this.#hasher?.update(chunk);
    this.#sizeBytes += chunk.length;
    this.#gathered.push(chunk);
    this.#gatheredBytes += chunk.length;
    if (this.#gatheredBytes < GATHER_BYTES) return;
    await this.#writing;
    this.#writing = this.#write();
    // Heard of by the next call, or the flush.
    this.#writing.catch(() => undefined);
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

  /** Writes what was gathered, behind what is there. */
  async #write(): Promise<void> {
    let chunks: readonly Uint8Array[] = this.#gathered;
    let at = this.#sizeBytes - this.#gatheredBytes;
    this.#gathered = [];
    this.#gatheredBytes = 0;
    try {
      while (chunks.length > 0) {
        const { bytesWritten } = await this.#handle.writev(chunks, at);
        at += bytesWritten;
        chunks = after(chunks, bytesWritten);
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

/** What is left of chunks when so many bytes of them are written. */
function after(chunks: readonly Uint8Array[], writtenBytes: number): readonly Uint8Array[] {
  let skip = writtenBytes;
  return chunks.flatMap((chunk) => {
    const rest = chunk.subarray(Math.min(skip, chunk.length));
    skip -= chunk.length - rest.length;
    return rest.length === 0 ? [] : [rest];
  });
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
