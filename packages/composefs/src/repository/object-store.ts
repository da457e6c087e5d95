import { createReadStream, existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import type { ByteStream } from '@slipway/core';
import { enableVerity } from '@slipway/linux';
import type { VerityAlgorithm } from '../verity/algorithm.ts';
import { VerityHasher } from '../verity/hasher.ts';
import { type Measurement, measureBytes, measureStream } from '../verity/measure.ts';
import { ioError } from './io-error.ts';
import { objectName } from './layout.ts';
import type { VerityPolicy } from './meta.ts';
import { type ObjectName, readObject, requireObject, streamObject } from './object-reader.ts';
import { canSeal, isUnsupportedSeal, type SealingState, verityUnavailable } from './sealing.ts';
import {
  cloneInto,
  discardFile,
  pathOf,
  publishFile,
  reopenForReading,
  type UnfinishedFile,
  UnfinishedFiles,
  writeFully,
} from './unfinished-file.ts';

/** An object that is in the store now. */
export interface StoredObject {
  /** Raw fs-verity digest. */
  readonly digest: Buffer;
  /** The same in lower case hex: its name. */
  readonly digestHex: string;
  readonly sizeBytes: number;
  /** Whether it was there before: nothing was written. */
  readonly existed: boolean;
}

/** Streams up to this size are gathered and written at once; longer ones go through a file of unknown name. */
const GATHER_BYTES = 1024 * 1024;
/** Seals under way at a time: each is a thread waiting for the disk and an open file. */
const MAX_SEALS = 32;
const READ_CHUNK_BYTES = 256 * 1024;

/**
 * The `objects/` directory: files named by the fs-verity digest of their bytes.
 *
 * INVARIANTS
 * - A name in `objects/` appears only when the file is whole, and sealed where sealing works; it is never replaced.
 * - Nothing is synced here, object by object: whoever makes something refer to objects calls `Repository.sync` before.
 * - Sealing is done by threads. An object put by {@link put} may appear only when {@link settle} returned.
 *
 * Any number of processes may do this at once; the one order that matters, not collecting garbage meanwhile, is kept by the
 * lock of the repository.
 */
export class ObjectStore {
  readonly algorithm: VerityAlgorithm;
  readonly #directory: string;
  readonly #files: UnfinishedFiles;
  readonly #policy: VerityPolicy;
  #sealing: SealingState;
  /** Subdirectories known to exist. */
  readonly #prefixes = new Set<string>();
  /** Objects being sealed: they have no name yet. */
  readonly #seals = new Map<string, Promise<void>>();
  #failure: unknown;

  constructor(directory: string, tempDirectory: string, algorithm: VerityAlgorithm, policy: VerityPolicy) {
    this.algorithm = algorithm;
    this.#directory = directory;
    this.#files = new UnfinishedFiles(tempDirectory);
    this.#policy = policy;
    this.#sealing = policy === 'none' ? 'off' : 'unknown';
  }

  /** What the file system and kernel turned out to do. */
  get sealing(): SealingState {
    return this.#sealing;
  }

  /** Takes over what another thread, writing to the same store, found out about sealing. */
  noteSealing(state: SealingState): void {
    if (state !== 'unknown') this.#sealing = state;
  }

  /**
   * Asks whether objects here can be sealed, before any is written.
   *
   * @throws SlipwayError VERITY_UNAVAILABLE
   */
  requireSealing(): void {
    const file = this.#files.create(this.#directory);
    try {
      if (!canSeal(pathOf(file))) throw verityUnavailable(this.#directory);
    } finally {
      discardFile(file);
    }
  }

  /** Where an object is, or would be. */
  path(digestHex: string): string {
    return `${this.#directory}/${objectName(digestHex)}`;
  }

  has(digestHex: string): boolean {
    return existsSync(this.path(digestHex));
  }

  /**
   * Stores bytes at hand. Small files come this way, fifty thousand of them for one image: no temporary buffer, no
   * promise, four system calls, and none but the question when the object exists.
   *
   * @throws SlipwayError NO_SPACE, IO_FAILED
   */
  put(bytes: Uint8Array): StoredObject {
    const digest = measureBytes(bytes, this.algorithm);
    const digestHex = digest.toString('hex');
    const stored = { digest, digestHex, sizeBytes: bytes.length };
    if (this.#isStored(digestHex, bytes.length)) return { ...stored, existed: true };
    try {
      const file = this.#files.create(this.#prefixDirectory(digestHex));
      this.#write(file, bytes);
      return { ...stored, existed: !this.#finish(file, digestHex) };
    } catch (cause) {
      throw ioError('write an object', this.#directory, cause);
    }
  }

  /**
   * Stores a stream of any length in bounded memory.
   *
   * @throws SlipwayError NO_SPACE, IO_FAILED, or whatever the stream throws; then nothing of it is kept
   */
  async putStream(stream: ByteStream): Promise<StoredObject> {
    const chunks: Uint8Array[] = [];
    let gatheredBytes = 0;
    let sink: LongObject | undefined;
    try {
      for await (const chunk of stream) {
        if (sink !== undefined) sink.write(chunk);
        else {
          chunks.push(chunk);
          gatheredBytes += chunk.length;
          if (gatheredBytes > GATHER_BYTES) sink = this.openLong(chunks.splice(0));
        }
      }
    } catch (cause) {
      sink?.discard();
      throw cause;
    }
    return sink?.finish() ?? this.put(Buffer.concat(chunks));
  }

  /**
   * Stores a copy of a file, or of an object of another store. Where both are on one file system that can share blocks (btrfs,
   * XFS), none of its bytes are copied. What is measured is the copy: the file may change at any moment.
   *
   * @throws SlipwayError IO_FAILED, NO_SPACE
   */
  async putFile(path: string): Promise<StoredObject> {
    const file = this.#io(() => this.#files.create(this.#directory));
    const { digest, sizeBytes } = await this.#cloned(file, path);
    return this.#io(() => this.#finishMeasured(file, digest, sizeBytes));
  }

  /** Fills the file, and measures what is in it then. */
  async #cloned(file: UnfinishedFile, path: string): Promise<Measurement> {
    try {
      cloneInto(file, path);
      const copy = createReadStream(pathOf(file), { highWaterMark: READ_CHUNK_BYTES });
      return await measureStream(copy as AsyncIterable<Buffer>, this.algorithm);
    } catch (cause) {
      discardFile(file);
      throw ioError(`copy ${path} into the object store`, path, cause);
    }
  }

  /** Names a whole file whose digest is known only now; gives it up when the object is here. */
  #finishMeasured(file: UnfinishedFile, digest: Buffer, sizeBytes: number): StoredObject {
    const digestHex = digest.toString('hex');
    const stored = { digest, digestHex, sizeBytes };
    if (this.#isStored(digestHex, sizeBytes)) {
      discardFile(file);
      return { ...stored, existed: true };
    }
    this.#prefixDirectory(digestHex);
    return { ...stored, existed: !this.#finish(file, digestHex) };
  }

  /** Begins an object whose bytes come one after the other. */
  openLong(first: readonly Uint8Array[] = []): LongObject {
    const file = this.#io(() => this.#files.create(this.#directory));
    const hasher = new VerityHasher(this.algorithm, { keepTree: false });
    const write = (bytes: Uint8Array): void => {
      hasher.update(bytes);
      this.#io(() => writeFully(file.fd, bytes));
    };
    const finish = (): StoredObject => {
      const { digest, sizeBytes } = hasher.finish();
      return this.#io(() => this.#finishMeasured(file, digest, sizeBytes));
    };
    for (const bytes of first) write(bytes);
    return { write, finish, discard: () => discardFile(file) };
  }

  /** Something to wait for before more is put, when enough seals are under way; undefined when there is room. */
  backlog(): Promise<unknown> | undefined {
    if (this.#failure !== undefined) return this.settle();
    return this.#seals.size < MAX_SEALS ? undefined : Promise.race(this.#seals.values());
  }

  /**
   * Waits until every object put so far has its name.
   *
   * @throws SlipwayError VERITY_UNAVAILABLE, NO_SPACE, IO_FAILED: the first failure of any of them
   */
  async settle(): Promise<void> {
    while (this.#seals.size > 0) await Promise.race(this.#seals.values());
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw ioError('seal an object', this.#directory, failure);
  }

  /**
   * All bytes of an object, checked against its name.
   *
   * @throws SlipwayError OBJECT_MISSING, OBJECT_CORRUPT, IO_FAILED
   */
  read(digestHex: string, limitBytes: number): Buffer {
    return readObject(this.path(digestHex), this.#nameOf(digestHex), limitBytes);
  }

  /**
   * The bytes of an object as a stream whose end throws OBJECT_CORRUPT when they do not match the name.
   *
   * @throws SlipwayError OBJECT_MISSING, OBJECT_CORRUPT, IO_FAILED
   */
  open(digestHex: string): AsyncGenerator<Buffer, void, undefined> {
    return streamObject(this.path(digestHex), this.#nameOf(digestHex));
  }

  /** @throws SlipwayError OBJECT_MISSING, IO_FAILED */
  require(digestHex: string): void {
    requireObject(this.path(digestHex), digestHex);
  }

  #nameOf(digestHex: string): ObjectName {
    return { digestHex, algorithm: this.algorithm };
  }

  /**
   * Whether an object is there, whole or being sealed.
   *
   * A power cut between a name and the next syncfs may leave the name with a file that is too short: file systems
   * write the length after the bytes. Nothing refers to such a file, and it makes way for the new one.
   */
  #isStored(digestHex: string, sizeBytes: number): boolean {
    if (this.#seals.has(digestHex)) return true;
    const path = this.path(digestHex);
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined || stats.size === sizeBytes) return stats !== undefined;
    rmSync(path, { force: true });
    return false;
  }

  #write(file: UnfinishedFile, bytes: Uint8Array): void {
    try {
      writeFully(file.fd, bytes);
    } catch (cause) {
      discardFile(file);
      throw cause;
    }
  }

  /** Names the file, now or when it is sealed. Returns whether it is new as far as is known. */
  #finish(file: UnfinishedFile, digestHex: string): boolean {
    if (!this.#sealsFiles(file)) return publishFile(file, this.path(digestHex));
    const readable = reopenForReading(file);
    const seal = this.#seal(readable, digestHex).catch((cause: unknown) => {
      this.#failure ??= cause;
    });
    this.#seals.set(
      digestHex,
      seal.finally(() => this.#seals.delete(digestHex)),
    );
    return true;
  }

  /** Asks the kernel once whether files here can be sealed, by a question that changes nothing. */
  #sealsFiles(file: UnfinishedFile): boolean {
    if (this.#sealing === 'unknown') this.#sealing = canSeal(pathOf(file)) ? 'sealed' : 'unavailable';
    if (this.#sealing === 'unavailable' && this.#policy === 'require') {
      discardFile(file);
      throw verityUnavailable(this.#directory);
    }
    return this.#sealing === 'sealed';
  }

  async #seal(file: UnfinishedFile, digestHex: string): Promise<void> {
    try {
      await enableVerity(file.fd, this.algorithm);
    } catch (cause) {
      if (!isUnsupportedSeal(cause) || this.#policy === 'require') {
        discardFile(file);
        throw isUnsupportedSeal(cause) ? verityUnavailable(this.#directory, cause) : cause;
      }
      this.#sealing = 'unavailable';
    }
    publishFile(file, this.path(digestHex));
  }

  #prefixDirectory(digestHex: string): string {
    const prefix = digestHex.slice(0, 2);
    const directory = `${this.#directory}/${prefix}`;
    if (this.#prefixes.has(prefix)) return directory;
    mkdirSync(directory, { recursive: true, mode: 0o755 });
    this.#prefixes.add(prefix);
    return directory;
  }

  #io<T>(step: () => T): T {
    try {
      return step();
    } catch (cause) {
      throw ioError('write an object', this.#directory, cause);
    }
  }
}

/** An object being written. */
export interface LongObject {
  write(bytes: Uint8Array): void;
  /** Names it. */
  finish(): StoredObject;
  /** Gives it up; nothing stays. */
  discard(): void;
}
