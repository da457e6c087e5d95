import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type ByteStream, errnoOf, type OperationOptions, SlipwayError, systemRefusal } from '@slipway/core';
import { digestOf, verifyStream } from '../digest.ts';
import type { Descriptor, Digest } from '../image.ts';
import type { DirectoryReference } from '../reference.ts';
import type { ImageTarget, PutManifestOptions } from '../target.ts';
import { DIRECTORY_FILES, isBlobName, VERSION, VERSION_PREFIX } from './directory-files.ts';

/**
 * Writes one image into a directory of its own; an image that is there is replaced.
 *
 * A power cut leaves the old image or the new one: files appear whole, `manifest.json` last, and what only the old one needed
 * is removed after that. What can be left over is a `.slipway-put-*` file, or blobs nobody names.
 *
 * @throws SlipwayError OCI_LAYOUT_INVALID when the directory holds something else
 */
export async function directoryTarget({ path }: DirectoryReference): Promise<ImageTarget> {
  await writing(path, async () => {
    await mkdir(path, { recursive: true });
    await checkOwn(path);
    await writeFile(path, DIRECTORY_FILES.version(path), [Buffer.from(VERSION)]);
  });
  return new DirectoryTarget(path);
}

class DirectoryTarget implements ImageTarget {
  readonly name: string;
  readonly #path: string;
  /** Files of the new image. */
  readonly #kept = new Set<string>();

  constructor(path: string) {
    this.#path = path;
    this.name = `dir:${path}`;
  }

  async hasBlob({ digest, size }: Descriptor): Promise<boolean> {
    const path = DIRECTORY_FILES.blob(this.#path, digest);
    try {
      const stats = await stat(path);
      if (!stats.isFile() || stats.size !== size) return false;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return false;
      throw error;
    }
    this.#kept.add(basename(path));
    return true;
  }

  async putBlob(
    { digest, size }: Descriptor,
    openStream: () => ByteStream,
    options: OperationOptions = {},
  ): Promise<void> {
    const stream = verifyStream(openStream(), digest, size, `the blob ${digest}`);
    await this.#put(DIRECTORY_FILES.blob(this.#path, digest), stream, options.signal);
  }

  async putManifest(
    bytes: Uint8Array,
    _mediaType: string,
    _tag: string | undefined,
    options: PutManifestOptions = {},
  ): Promise<Digest> {
    const digest = digestOf(bytes);
    if (options.isPart === true) {
      await this.#put(DIRECTORY_FILES.part(this.#path, digest), [bytes], options.signal);
      return digest;
    }
    await writing(this.#path, () => syncDirectory(this.#path));
    await this.#put(DIRECTORY_FILES.manifest(this.#path), [bytes], options.signal);
    await writing(this.#path, () => syncDirectory(this.#path));
    for (const name of await readdir(this.#path)) {
      if (isBlobName(name) && !this.#kept.has(name)) await rm(join(this.#path, name), { force: true });
    }
    return digest;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Nothing is open between calls.
  }

  async #put(
    path: string,
    stream: ByteStream | Iterable<Uint8Array>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    await writeFile(this.#path, path, stream, signal);
    this.#kept.add(basename(path));
  }
}

/** Only an empty directory, or one that already holds such an image, is written into. */
async function checkOwn(path: string): Promise<void> {
  if ((await readdir(path)).length === 0) return;
  const version = await readFile(DIRECTORY_FILES.version(path), 'utf8').catch(() => '');
  if (version.startsWith(VERSION_PREFIX)) return;
  throw new SlipwayError(
    'OCI_LAYOUT_INVALID',
    `cannot write an image to dir:${path}: it holds something else`,
    {
      hint: 'name a directory that is empty or not there yet',
    },
  );
}

async function writeFile(
  directory: string,
  path: string,
  stream: ByteStream | Iterable<Uint8Array>,
  signal?: AbortSignal,
): Promise<void> {
  const temporary = join(directory, `.slipway-put-${randomBytes(8).toString('hex')}`);
  try {
    const handle = await writing(directory, () => open(temporary, 'wx', 0o644));
    try {
      for await (const chunk of stream) {
        signal?.throwIfAborted();
        await writing(directory, async () => {
          for (let at = 0; at < chunk.length; )
            at += (await handle.write(chunk, at, chunk.length - at)).bytesWritten;
        });
      }
      await writing(directory, () => handle.sync());
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function syncDirectory(path: string): Promise<void> {
  await using handle = await open(path, 'r');
  await handle.sync();
}

/** Names the directory where the operating system refuses to write into it. */
async function writing<T>(path: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (cause) {
    const refusal = systemRefusal(cause);
    if (refusal === undefined) throw cause;
    const isFull = refusal.errno === 'ENOSPC' || refusal.errno === 'EDQUOT';
    throw new SlipwayError(
      isFull ? 'NO_SPACE' : 'IO_FAILED',
      `cannot write an image to dir:${path}: ${refusal.meaning}`,
      {
        hint: isFull ? 'free some space' : 'name a directory that can be written to',
        details: { path: refusal.path ?? path, errno: refusal.errno },
        cause,
      },
    );
  }
}
