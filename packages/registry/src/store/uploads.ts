import { randomBytes } from 'node:crypto';
import { type FileHandle, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type ByteStream, errnoOf } from '@slipway/core';
import { tryLockFile } from '@slipway/linux';
import { blobPath, type Digest, DigestHasher, digestAlgorithm } from '@slipway/oci';
import { RegistryFailure } from '../failure.ts';
import type { ByteRange } from '../http/ranges.ts';
import { uploadPath, uploadsPath } from './paths.ts';

/** A piece of a blob on its way in. */
export interface Chunk {
  readonly stream: ByteStream;
  /** Where it goes, if the client says; else it goes to the end. */
  readonly range: ByteRange | undefined;
}

/** What was hashed so far; of use only while nobody else wrote to the file. */
interface Progress {
  readonly hasher: DigestHasher;
}

/** A file of this many may be open for writing; one more is somebody who opens them for sport. */
const MAX_UPLOADS = 2000;
const READ_BYTES = 1 << 20;

/**
 * Blobs on their way in: one file each, which a client can go on with after the connection, or this process, ended.
 *
 * A power cut leaves a file that is shorter, or has a gap, where bytes had not reached the disk: nothing believes it, because all of
 * it is hashed again before it becomes a blob unless this very process wrote every byte.
 */
export class Uploads {
  readonly #root: string;
  readonly #progress = new Map<string, Progress>();

  constructor(root: string) {
    this.#root = root;
  }

  /** Opens an upload and says its id. */
  async begin(repository: string): Promise<string> {
    if ((await readdir(uploadsPath(this.#root))).length >= MAX_UPLOADS) {
      throw new RegistryFailure('TOOMANYREQUESTS', 'too many uploads are open', {
        headers: { 'retry-after': '60' },
      });
    }
    const id = randomBytes(16).toString('hex');
    await using _file = await open(uploadPath(this.#root, repository, id), 'wx', 0o644);
    return id;
  }

  /** How many bytes have come. */
  async sizeBytes(repository: string, id: string): Promise<number> {
    await using file = await this.#open(repository, id);
    return (await file.stat()).size;
  }

  /**
   * Takes a chunk; how many bytes there are then. When it breaks off, what has come stays and counts.
   *
   * @throws RegistryFailure 416 for a chunk that is not the next
   */
  async append(repository: string, id: string, chunk: Chunk): Promise<number> {
    await using file = await this.#openAlone(repository, id);
    return await this.#append(file, id, chunk);
  }

  /**
   * Takes the last chunk, checks the whole and makes it a blob of the layout.
   *
   * @param publish called when the blob is on the disk under its name, to add it to the repository
   * @throws RegistryFailure DIGEST_INVALID; the upload is gone then
   */
  async finish(
    repository: string,
    id: string,
    digest: Digest,
    chunk: Chunk,
    publish: (rename: () => Promise<void>) => Promise<void>,
  ): Promise<number> {
    await using file = await this.#openAlone(repository, id);
    const sizeBytes = await this.#append(file, id, chunk, digest);
    const path = uploadPath(this.#root, repository, id);
    const actual = await this.#digest(file, id, digest, sizeBytes);
    if (actual !== digest) {
      await rm(path, { force: true });
      throw new RegistryFailure('DIGEST_INVALID', `the bytes have the digest ${actual}`, {
        detail: { digest },
      });
    }
    await file.sync();
    await publish(() => rename(path, blobPath(this.#root, digest)));
    return sizeBytes;
  }

  /** Forgets an upload. */
  async cancel(repository: string, id: string): Promise<void> {
    await using _file = await this.#openAlone(repository, id);
    this.#progress.delete(id);
    await rm(uploadPath(this.#root, repository, id), { force: true });
  }

  /** Removes uploads nobody has gone on with since a time; how many. */
  async expire(beforeMs: number): Promise<number> {
    let removed = 0;
    for (const name of await readdir(uploadsPath(this.#root))) {
      const path = join(uploadsPath(this.#root), name);
      const stats = await stat(path).catch(ignoreAbsent);
      if (stats === undefined || stats.mtimeMs >= beforeMs) continue;
      await rm(path, { force: true });
      this.#progress.delete(name.slice(name.indexOf('-') + 1));
      removed += 1;
    }
    return removed;
  }

  async #open(repository: string, id: string): Promise<FileHandle> {
    try {
      return await open(uploadPath(this.#root, repository, id), 'r+');
    } catch (cause) {
      if (errnoOf(cause) !== 'ENOENT') throw cause;
      throw new RegistryFailure('BLOB_UPLOAD_UNKNOWN', 'there is no such upload', { cause });
    }
  }

  /** Two requests at once for one upload would mix their bytes: the lock of its file says who is first. */
  async #openAlone(repository: string, id: string): Promise<FileHandle> {
    const file = await this.#open(repository, id);
    if (tryLockFile(file.fd, 'exclusive')) return file;
    await file.close();
    throw new RegistryFailure('BLOB_UPLOAD_INVALID', 'another request is sending to this upload', {
      status: 409,
    });
  }

  async #append(file: FileHandle, id: string, { stream, range }: Chunk, digest?: Digest): Promise<number> {
    let at = (await file.stat()).size;
    if (range !== undefined && range.first !== at) throw notNext(at);
    const hasher = this.#hasherFor(id, at, digest);
    for await (const bytes of stream) {
      await writeWhole(file, bytes, at);
      hasher?.update(bytes);
      at += bytes.length;
    }
    return at;
  }

  /** The hasher to go on with; undefined when bytes came that it has not seen: then all is hashed at the end. */
  #hasherFor(id: string, at: number, digest: Digest | undefined): DigestHasher | undefined {
    const algorithm = digest === undefined ? 'sha256' : digestAlgorithm(digest);
    const known = this.#progress.get(id)?.hasher;
    if (known !== undefined && known.sizeBytes === at && (at > 0 || known.algorithm === algorithm))
      return known;
    this.#progress.delete(id);
    if (at > 0) return undefined;
    const hasher = new DigestHasher(algorithm);
    this.#progress.set(id, { hasher });
    return hasher;
  }

  async #digest(file: FileHandle, id: string, wanted: Digest, sizeBytes: number): Promise<Digest> {
    const hasher = this.#progress.get(id)?.hasher;
    this.#progress.delete(id);
    if (hasher?.sizeBytes === sizeBytes && hasher.algorithm === digestAlgorithm(wanted))
      return hasher.digest();
    const fresh = new DigestHasher(digestAlgorithm(wanted));
    const stream = file.createReadStream({ start: 0, highWaterMark: READ_BYTES, autoClose: false });
    for await (const bytes of stream as AsyncIterable<Buffer>) fresh.update(bytes);
    return fresh.digest();
  }
}

function notNext(at: number): RegistryFailure {
  return new RegistryFailure('BLOB_UPLOAD_INVALID', `the next byte of this upload is ${at}`, {
    status: 416,
    detail: { offset: at },
  });
}

/** A write may take less than it was given. */
async function writeWhole(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

function ignoreAbsent(thrown: unknown): undefined {
  if (errnoOf(thrown) !== 'ENOENT') throw thrown;
  return undefined;
}
