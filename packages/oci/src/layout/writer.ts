import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type ByteStream, errnoOf, type OperationOptions, SlipwayError, systemRefusal } from '@slipway/core';
import { type DigestAlgorithm, DigestHasher, digestOf, verifyStream } from '../digest.ts';
import type { Descriptor, Digest } from '../image.ts';
import type { ImageTarget } from '../target.ts';
import {
  blobPath,
  EMPTY_INDEX,
  formatLayoutIndex,
  type LayoutIndex,
  REF_NAME,
  readLayoutIndex,
  readLayoutToWrite,
} from './layout-files.ts';

/** Writes images into an OCI layout directory. */
export interface LayoutWriter extends ImageTarget {
  readonly path: string;
  /** Stores bytes whose digest is not known before they have passed. */
  writeBlob(
    stream: ByteStream,
    algorithm?: DigestAlgorithm,
  ): Promise<{ readonly digest: Digest; readonly size: number }>;
  /** Points a tag at a manifest or index that is there; other tags stay. */
  setTag(tag: string, descriptor: Descriptor): Promise<void>;
}

/**
 * Opens an OCI layout for writing, and makes it when there is none.
 *
 * A power cut leaves, at any instant, a valid layout: blobs appear whole (written to a temporary file,
 * synced, renamed), and `index.json` names a blob only after the blob is on the disk. What can be left
 * over is a `.slipway-put-*` file. One process at a time may set tags; blobs may be written by many.
 *
 * @throws SlipwayError OCI_LAYOUT_INVALID when the directory holds something else
 */
export async function openLayoutWriter(path: string): Promise<LayoutWriter> {
  return await writing(path, async () => {
    if ((await readLayoutToWrite(path)) === undefined) {
      await mkdir(join(path, 'blobs', 'sha256'), { recursive: true });
      await writeFile(join(path, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}\n', { flush: true });
      await replaceIndex(path, EMPTY_INDEX);
    }
    return new Writer(path);
  });
}

class Writer implements LayoutWriter {
  readonly path: string;
  readonly name: string;
  /** Changes of `index.json` wait for each other. */
  #lastTag: Promise<void> = Promise.resolve();

  constructor(path: string) {
    this.path = path;
    this.name = `oci:${path}`;
  }

  async hasBlob({ digest, size }: Descriptor): Promise<boolean> {
    try {
      const stats = await stat(blobPath(this.path, digest));
      return stats.isFile() && stats.size === size;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return false;
      throw error;
    }
  }

  async putBlob(
    descriptor: Descriptor,
    openStream: () => ByteStream,
    options: OperationOptions = {},
  ): Promise<void> {
    const { digest, size } = descriptor;
    await this.#store(
      verifyStream(openStream(), digest, size, `the blob ${digest}`),
      () => digest,
      options.signal,
    );
  }

  async writeBlob(
    stream: ByteStream,
    algorithm: DigestAlgorithm = 'sha256',
  ): Promise<{ readonly digest: Digest; readonly size: number }> {
    const hasher = new DigestHasher(algorithm);
    async function* hashed(): AsyncGenerator<Uint8Array, void, undefined> {
      for await (const chunk of stream) {
        hasher.update(chunk);
        yield chunk;
      }
    }
    const digest = await this.#store(hashed(), () => hasher.digest());
    return { digest, size: hasher.sizeBytes };
  }

  async putManifest(bytes: Uint8Array, mediaType: string, tag: string | undefined): Promise<Digest> {
    const digest = digestOf(bytes);
    const descriptor: Descriptor = { mediaType, digest, size: bytes.length };
    if (!(await this.hasBlob(descriptor))) await this.putBlob(descriptor, () => once(bytes));
    if (tag !== undefined) await this.setTag(tag, descriptor);
    return digest;
  }

  async setTag(tag: string, descriptor: Descriptor): Promise<void> {
    const change = this.#lastTag.then(() => this.#setTag(tag, descriptor));
    this.#lastTag = change.catch(() => undefined);
    await change;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lastTag;
  }

  async #setTag(tag: string, descriptor: Descriptor): Promise<void> {
    if (!(await this.hasBlob(descriptor))) {
      throw new SlipwayError(
        'OCI_NOT_FOUND',
        `cannot tag ${descriptor.digest} as ${tag}: it is not in ${this.name}`,
      );
    }
    await syncDirectory(dirname(blobPath(this.path, descriptor.digest)));
    const index = (await readLayoutIndex(this.path)) ?? EMPTY_INDEX;
    const others = index.entries.filter((entry) => {
      const name = refName(entry);
      return name === undefined ? entry['digest'] !== descriptor.digest : name !== tag;
    });
    const entry = { ...descriptor, annotations: { ...descriptor.annotations, [REF_NAME]: tag } };
    const tagged = { fields: index.fields, entries: [...others, entry] };
    await writing(this.path, () => replaceIndex(this.path, tagged));
  }

  async #store(stream: ByteStream, digestOfAll: () => Digest, signal?: AbortSignal): Promise<Digest> {
    const temporary = join(this.path, `.slipway-put-${randomBytes(8).toString('hex')}`);
    try {
      const handle = await writing(this.path, () => open(temporary, 'wx', 0o644));
      try {
        for await (const chunk of stream) {
          signal?.throwIfAborted();
          await writing(this.path, () => writeWhole(handle, chunk));
        }
        await writing(this.path, () => handle.sync());
      } finally {
        await handle.close();
      }
      const digest = digestOfAll();
      const path = blobPath(this.path, digest);
      await mkdir(dirname(path), { recursive: true });
      await rename(temporary, path);
      return digest;
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }
}

function refName(entry: Readonly<Record<string, unknown>>): string | undefined {
  return (entry['annotations'] as Record<string, string> | null | undefined)?.[REF_NAME];
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}

/** A write may take less than it was given. */
async function writeWhole(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, at, bytes.length - at);
    at += bytesWritten;
  }
}

/** Names the layout where the operating system refuses to write into it. */
async function writing<T>(path: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (cause) {
    const refusal = systemRefusal(cause);
    if (refusal === undefined) throw cause;
    const isFull = refusal.errno === 'ENOSPC' || refusal.errno === 'EDQUOT';
    throw new SlipwayError(
      isFull ? 'NO_SPACE' : 'IO_FAILED',
      `cannot write the layout ${path}: ${refusal.meaning}`,
      {
        hint: isFull
          ? 'free some space, or name a directory on another file system'
          : 'name a directory that can be written to',
        details: { path: refusal.path ?? path, errno: refusal.errno },
        cause,
      },
    );
  }
}

/** Readers see the old index or the new one, also after a power cut. */
async function replaceIndex(path: string, index: LayoutIndex): Promise<void> {
  const temporary = join(path, `.slipway-put-${randomBytes(8).toString('hex')}`);
  try {
    await writeFile(temporary, formatLayoutIndex(index), { flush: true });
    await rename(temporary, join(path, 'index.json'));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(path);
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
