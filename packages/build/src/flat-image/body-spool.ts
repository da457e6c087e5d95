import { createHash } from 'node:crypto';
import { readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileContent, RegularNode } from '@slipway/composefs';
import { type ByteStream, makeLargeTempDir, SlipwayError, systemRefusal, type TempDir } from '@slipway/core';

/** What is written at once, and read at once of long bodies. */
const PIECE_BYTES = 1024 * 1024;

/**
 * Bodies of files, on disk in one temporary file, each content once. They are named by their SHA-256, which stands as the
 * digest in {@link FileContent}; a content that was not kept has its name and length all the same.
 */
export class BodySpool implements AsyncDisposable {
  readonly #directory: TempDir;
  readonly #handle: FileHandle;
  /** Where each content begins, by digest in hex. */
  readonly #offsets = new Map<string, number>();
  readonly #pending = Buffer.allocUnsafeSlow(PIECE_BYTES);
  #pendingBytes = 0;
  #writtenBytes = 0;

  private constructor(directory: TempDir, handle: FileHandle) {
    this.#directory = directory;
    this.#handle = handle;
  }

  /** Makes an empty spool in a temporary directory of its own, which is gone with it. */
  static async open(): Promise<BodySpool> {
    const directory = await makeLargeTempDir('bodies');
    return new BodySpool(directory, await open(join(directory.path, 'bodies'), 'wx+', 0o600));
  }

  /** A directory for other files that are gone with the spool. */
  get path(): string {
    return this.#directory.path;
  }

  /**
   * Takes a body to its end.
   *
   * @param keep whether it can be read later
   * @throws SlipwayError NO_SPACE, IO_FAILED
   */
  async add(body: ByteStream, keep: boolean): Promise<FileContent> {
    const start = this.#writtenBytes + this.#pendingBytes;
    const hash = createHash('sha256');
    let sizeBytes = 0;
    for await (const chunk of body) {
      hash.update(chunk);
      sizeBytes += chunk.length;
      if (keep) await this.#append(chunk);
    }
    const digest = hash.digest();
    if (keep) this.#settle(digest.toString('hex'), start);
    return { kind: 'object', sizeBytes, digest };
  }

  /** Gives up the body added last, if it was new. */
  forget(content: FileContent): void {
    const key = contentKey(content);
    const start = this.#offsets.get(key);
    if (start === undefined || start + contentBytes(content) !== this.#writtenBytes + this.#pendingBytes)
      return;
    this.#offsets.delete(key);
    this.#rewind(start);
  }

  /** Whether a content was kept. */
  has(content: FileContent): boolean {
    return this.#offsets.has(contentKey(content));
  }

  /**
   * The bytes of a file, small ones in one piece.
   *
   * @throws SlipwayError INTERNAL when they were not kept
   */
  read({ content }: RegularNode): ByteStream {
    return this.readContent(content);
  }

  /** The same by content. */
  async *readContent(content: FileContent): AsyncGenerator<Uint8Array, void, undefined> {
    const sizeBytes = contentBytes(content);
    if (sizeBytes === 0) return;
    const start = this.#offsets.get(contentKey(content));
    if (start === undefined)
      throw new SlipwayError('INTERNAL', 'internal error: the body of a file was not kept');
    await this.#flush();
    for (let at = 0; at < sizeBytes; ) {
      const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, sizeBytes - at));
      // A small read from the page cache costs less than a turn of the thread pool.
      const bytesRead =
        piece.length < PIECE_BYTES
          ? readSync(this.#handle.fd, piece, 0, piece.length, start + at)
          : (await this.#handle.read(piece, 0, piece.length, start + at)).bytesRead;
      if (bytesRead === 0) throw new SlipwayError('IO_FAILED', `cannot read ${this.path}: it was cut short`);
      at += bytesRead;
      yield piece.subarray(0, bytesRead);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
    await this.#directory[Symbol.asyncDispose]();
  }

  /** A content that is there already is not kept twice. */
  #settle(key: string, start: number): void {
    if (this.#offsets.has(key)) this.#rewind(start);
    else this.#offsets.set(key, start);
  }

  #rewind(start: number): void {
    this.#pendingBytes = Math.max(0, start - this.#writtenBytes);
    this.#writtenBytes = Math.min(this.#writtenBytes, start);
  }

  async #append(chunk: Uint8Array): Promise<void> {
    if (this.#pendingBytes + chunk.length > PIECE_BYTES) await this.#flush();
    if (chunk.length > PIECE_BYTES) {
      await this.#write(chunk);
      return;
    }
    this.#pending.set(chunk, this.#pendingBytes);
    this.#pendingBytes += chunk.length;
  }

  async #flush(): Promise<void> {
    const { length } = this.#pending.subarray(0, this.#pendingBytes);
    this.#pendingBytes = 0;
    if (length > 0) await this.#write(this.#pending.subarray(0, length));
  }

  async #write(bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.length; ) {
        const { bytesWritten } = await this.#handle.write(bytes, at, bytes.length - at, this.#writtenBytes);
        at += bytesWritten;
        this.#writtenBytes += bytesWritten;
      }
    } catch (cause) {
      const refusal = systemRefusal(cause);
      if (refusal === undefined) throw cause;
      const isFull = refusal.errno === 'ENOSPC' || refusal.errno === 'EDQUOT';
      throw new SlipwayError(
        isFull ? 'NO_SPACE' : 'IO_FAILED',
        `cannot unpack into ${this.path}: ${refusal.meaning}`,
        { hint: 'set TMPDIR to a directory with room for the unpacked image', cause },
      );
    }
  }
}

/** The name of a content: its SHA-256 in hex. */
export function contentKey(content: FileContent): string {
  if (content.kind === 'object' && content.digest !== undefined)
    return Buffer.from(content.digest.buffer, content.digest.byteOffset, content.digest.length).toString(
      'hex',
    );
  throw new SlipwayError('INTERNAL', 'internal error: a content has no digest');
}

/** Length of a content. */
export function contentBytes(content: FileContent): number {
  return content.kind === 'object' ? content.sizeBytes : content.bytes.length;
}
