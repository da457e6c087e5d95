import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type ByteStream, messageOf, SlipwayError, systemRefusal } from '@slipway/core';
import type { TarHeader } from '../tar/entry.ts';
import { BLOCK_BYTES } from '../tar/format.ts';
import { encodeHeader, paddingOf } from '../tar/header-writer.ts';

/** What a body turned out to be, once it has passed. */
export interface WrittenMember<T> {
  readonly name: string;
  readonly result: T;
}

/**
 * Writes a tar archive member by member, in the order they are given; one that fails leaves no trace in it.
 *
 * A power cut, or an end without {@link finish}, leaves the file that was there before; what can be left over beside it is a
 * `.slipway-put-*` file.
 */
export class ArchiveWriter implements AsyncDisposable {
  readonly #path: string;
  readonly #temporary: string;
  readonly #handle: FileHandle;
  #endBytes = 0;
  #isFinished = false;
  /** Members wait for each other: an archive is one stream. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(path: string, temporary: string, handle: FileHandle) {
    this.#path = path;
    this.#temporary = temporary;
    this.#handle = handle;
  }

  /** @throws SlipwayError IO_FAILED, NO_SPACE */
  static async create(path: string): Promise<ArchiveWriter> {
    const temporary = join(dirname(path), `.slipway-put-${basename(path)}-${randomBytes(8).toString('hex')}`);
    try {
      return new ArchiveWriter(path, temporary, await open(temporary, 'wx', 0o644));
    } catch (cause) {
      throw refused(path, cause);
    }
  }

  /** Adds a file whose bytes are at hand. */
  async addBytes(name: string, bytes: Uint8Array): Promise<void> {
    async function* body(): ByteStream {
      yield bytes;
    }
    await this.add(body(), () => ({ name, result: undefined }));
  }

  /**
   * Adds a file whose size, and name, are known when its bytes have passed.
   *
   * @param describe called after the last byte; what it throws takes the file back
   */
  async add<T>(body: ByteStream, describe: () => WrittenMember<T>): Promise<T> {
    const turn = this.#last.then(() => this.#add(body, describe));
    this.#last = turn.catch(() => undefined);
    return await turn;
  }

  /** Ends the archive and puts it in its place. */
  async finish(): Promise<void> {
    await this.#last;
    try {
      await this.#write(Buffer.alloc(2 * BLOCK_BYTES), this.#endBytes);
      await this.#handle.truncate(this.#endBytes + 2 * BLOCK_BYTES);
      await this.#handle.sync();
      await rename(this.#temporary, this.#path);
      this.#isFinished = true;
      await syncDirectory(dirname(this.#path));
    } catch (cause) {
      throw refused(this.#path, cause);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last;
    await this.#handle.close();
    if (!this.#isFinished) await rm(this.#temporary, { force: true });
  }

  async #add<T>(body: ByteStream, describe: () => WrittenMember<T>): Promise<T> {
    const headerAt = this.#endBytes;
    let at = headerAt + BLOCK_BYTES;
    for await (const chunk of body) {
      await this.#write(chunk, at);
      at += chunk.length;
    }
    const sizeBytes = at - headerAt - BLOCK_BYTES;
    const { name, result } = describe();
    const header = encodeHeader(fileHeader(name, sizeBytes));
    if (header.length !== BLOCK_BYTES) {
      throw new SlipwayError(
        'OCI_TAR_INVALID',
        `cannot write ${name} into ${this.#path}: it is larger than 8 GiB`,
      );
    }
    await this.#write(header, headerAt);
    await this.#write(Buffer.alloc(paddingOf(sizeBytes)), at);
    this.#endBytes = at + paddingOf(sizeBytes);
    return result;
  }

  async #write(bytes: Uint8Array, position: number): Promise<void> {
    try {
      for (let at = 0; at < bytes.length; ) {
        at += (await this.#handle.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
      }
    } catch (cause) {
      throw refused(this.#path, cause);
    }
  }
}

function fileHeader(name: string, sizeBytes: number): TarHeader {
  return {
    kind: 'file',
    path: name,
    linkTarget: '',
    mode: 0o644,
    uid: 0,
    gid: 0,
    sizeBytes,
    mtimeSec: 0,
    mtimeNsec: 0,
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: new Map(),
  };
}

function refused(path: string, cause: unknown): unknown {
  const refusal = systemRefusal(cause);
  if (refusal === undefined) return cause;
  const isFull = refusal.errno === 'ENOSPC' || refusal.errno === 'EDQUOT';
  return new SlipwayError(
    isFull ? 'NO_SPACE' : 'IO_FAILED',
    `cannot write the archive ${path}: ${refusal.meaning ?? messageOf(cause)}`,
    {
      hint: isFull
        ? 'free some space, or name a file on another file system'
        : 'name a file in a directory that can be written to',
      details: { path, errno: refusal.errno },
      cause,
    },
  );
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
