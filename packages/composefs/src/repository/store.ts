import { join } from 'node:path';
import { type ByteStream, SlipwayError } from '@slipway/core';
import type { LockMode } from '@slipway/linux';
import { IMAGE_LIMIT_BYTES } from '../erofs/format.ts';
import { digestBytesOf, type VerityAlgorithm } from '../verity/algorithm.ts';
import {
  IMAGES_DIRECTORY,
  isDigestHex,
  isStreamName,
  OBJECTS_DIRECTORY,
  REFERENCES_DIRECTORY,
  STREAMS_DIRECTORY,
  TEMP_DIRECTORY,
} from './layout.ts';
import { type LockOptions, lockRepository, type RepositoryLock } from './lock.ts';
import { formatMeta, type RepositoryMeta, type VerityPolicy } from './meta.ts';
import { NamedLinks } from './named-link.ts';
import { corruptObject } from './object-reader.ts';
import { ObjectStore } from './object-store.ts';
import { References } from './references.ts';
import type { SealingState } from './sealing.ts';
import { readSplitstream, type Splitstream } from './splitstream.ts';
import {
  RECORD_LIMIT_BYTES,
  readRecord,
  type StreamContent,
  type StreamRecord,
  writeRecord,
} from './stream-record.ts';
import { syncFileSystemOf } from './sync.ts';

/** What {@link Store.putObject} did. */
export interface PutObject {
  /** fs-verity digest in lower case hex: the object's name. */
  readonly digest: string;
  readonly sizeBytes: number;
  /** Whether it was there before. */
  readonly existed: boolean;
}

/** A record and its name. */
export interface NamedStream {
  readonly name: string;
  readonly content: StreamContent;
}

/** The bytes of a record, and its name. */
export interface NamedRecord {
  readonly name: string;
  /** As {@link writeRecord} makes it. */
  readonly record: Uint8Array;
}

/**
 * The parts of a repository and what every user of it does: put, read, name. {@link Repository} adds the care of the whole.
 */
export class Store {
  readonly path: string;
  readonly algorithm: VerityAlgorithm;
  readonly verity: VerityPolicy;
  /** The parts underneath, for this package. */
  readonly objects: ObjectStore;
  readonly images: NamedLinks;
  readonly streams: NamedLinks;
  /** What other programs keep images and streams alive by; nobody here makes any of images. */
  readonly imageRefs: References;
  readonly streamRefs: References;

  constructor(path: string, meta: RepositoryMeta) {
    const temp = join(path, TEMP_DIRECTORY);
    this.path = path;
    this.algorithm = meta.algorithm;
    this.verity = meta.verity ?? 'try';
    this.objects = new ObjectStore(join(path, OBJECTS_DIRECTORY), temp, this.algorithm, this.verity);
    this.images = new NamedLinks(join(path, IMAGES_DIRECTORY), temp, this.algorithm);
    this.streams = new NamedLinks(join(path, STREAMS_DIRECTORY), temp, this.algorithm);
    this.imageRefs = new References(join(path, IMAGES_DIRECTORY, REFERENCES_DIRECTORY), temp);
    this.streamRefs = new References(join(path, STREAMS_DIRECTORY, REFERENCES_DIRECTORY), temp);
  }

  /** Whether objects written by this process are sealed by the kernel; `unknown` before the first. */
  get sealing(): SealingState {
    return this.objects.sealing;
  }

  /**
   * Shared for whoever adds or uses objects, exclusive for who removes them. Given back by `using`.
   *
   * @throws SlipwayError REPOSITORY_LOCKED, naming the holder, when `waitMs` is over
   */
  async lock(mode: LockMode, options: LockOptions = {}): Promise<RepositoryLock> {
    return await lockRepository(this.path, mode, options);
  }

  /**
   * Stores a file. A power cut leaves the whole object or none; before {@link sync} it may be gone.
   *
   * @throws SlipwayError NO_SPACE, IO_FAILED, VERITY_UNAVAILABLE
   */
  async putObject(content: Uint8Array | ByteStream): Promise<PutObject> {
    const stored =
      content instanceof Uint8Array ? this.objects.put(content) : await this.objects.putStream(content);
    await this.objects.settle();
    return { digest: stored.digestHex, sizeBytes: stored.sizeBytes, existed: stored.existed };
  }

  /**
   * Stores a copy of a file, sharing its blocks where the file system can.
   *
   * @throws SlipwayError NO_SPACE, IO_FAILED, VERITY_UNAVAILABLE
   */
  async putFile(path: string): Promise<PutObject> {
    const stored = await this.objects.putFile(path);
    await this.objects.settle();
    return { digest: stored.digestHex, sizeBytes: stored.sizeBytes, existed: stored.existed };
  }

  /**
   * Takes objects over from another store of the same algorithm, as {@link putFile} does. Durable after {@link sync}.
   *
   * @returns how many were not here
   * @throws SlipwayError OBJECT_MISSING, OBJECT_CORRUPT when the other one does not have what it says, NO_SPACE, IO_FAILED
   */
  async copyObjects(from: Store, digests: Iterable<string>): Promise<number> {
    let copied = 0;
    for (const digest of digests) {
      if (this.hasObject(digest)) continue;
      from.objects.require(digest);
      const copy = await this.putFile(from.objectPath(digest));
      if (copy.digest !== digest) throw corruptObject(digest, 'its bytes have another digest');
      copied += 1;
    }
    return copied;
  }

  hasObject(digest: string): boolean {
    return this.objects.has(digest);
  }

  /** The file of an object, whether it is there or not. */
  objectPath(digest: string): string {
    return this.objects.path(digest);
  }

  /** Bytes of an object; the end throws OBJECT_CORRUPT when they are not what the digest names. */
  openObject(digest: string): ByteStream {
    return this.objects.open(digest);
  }

  /** Everything written before is on the disk when this returns: one syncfs for any number of objects. */
  async sync(): Promise<void> {
    await this.objects.settle();
    await syncFileSystemOf(this.path);
  }

  /**
   * Stores an EROFS image and makes it mountable.
   *
   * A power cut leaves the image whole under its name in `images/`, or not there: the link is made after the sync.
   *
   * @param image whole, or piece by piece; of pieces at hand each need be good only until the next one is asked for
   * @returns its id, the fs-verity digest in hex
   * @throws SlipwayError NO_SPACE, IO_FAILED, VERITY_UNAVAILABLE
   */
  async putImage(image: Uint8Array | ByteStream | Generator<Uint8Array>): Promise<string> {
    const { digest } =
      image instanceof Uint8Array || Symbol.asyncIterator in image
        ? await this.putObject(image)
        : await this.#putPieces(image);
    await this.sync();
    this.images.set(digest, digest);
    return digest;
  }

  async #putPieces(pieces: Generator<Uint8Array>): Promise<PutObject> {
    const object = this.objects.openLong();
    try {
      for (const piece of pieces) object.write(piece);
    } catch (cause) {
      object.discard();
      throw cause;
    }
    const stored = object.finish();
    await this.objects.settle();
    return { digest: stored.digestHex, sizeBytes: stored.sizeBytes, existed: stored.existed };
  }

  /**
   * Bytes of an image, checked.
   *
   * @throws SlipwayError OBJECT_MISSING when it is not one of the images here, OBJECT_CORRUPT
   */
  readImage(id: string): Buffer {
    this.#requireImage(id);
    return this.objects.read(id, IMAGE_LIMIT_BYTES);
  }

  hasImage(id: string): boolean {
    return isDigestHex(id, this.algorithm) && this.images.get(id) === id && this.objects.has(id);
  }

  /** The file to mount: the object itself, so that a mount does not depend on the link. */
  imagePath(id: string): string {
    this.#requireImage(id);
    return this.objects.path(id);
  }

  /** Takes an image off the list; its bytes go with the next garbage collection. Returns whether it was there. */
  removeImage(id: string): boolean {
    const removed = isDigestHex(id, this.algorithm) && this.images.remove(id);
    if (removed) this.images.syncDirectory();
    return removed;
  }

  /** Ids of all images, sorted. */
  listImages(): readonly string[] {
    return this.images.list().filter((name) => isDigestHex(name, this.algorithm));
  }

  /** Stores one record; see {@link putStreams}. */
  async putStream(name: string, content: StreamContent): Promise<void> {
    await this.putStreams([{ name, content }]);
  }

  /**
   * Stores records under their names, replacing those before, after one sync for all of them. A power cut leaves each name
   * with the old record or the new one; those at the beginning of the list appear first.
   *
   * @throws SlipwayError NO_SPACE, IO_FAILED, VERITY_UNAVAILABLE
   */
  async putStreams(records: readonly NamedStream[]): Promise<void> {
    const digestBytes = digestBytesOf(this.algorithm);
    await this.putRecords(
      records.map(({ name, content }) => ({ name, record: writeRecord(content, digestBytes) })),
    );
  }

  /** The same with records that are written already. */
  async putRecords(records: readonly NamedRecord[]): Promise<void> {
    for (const { name } of records) requireStreamName(name);
    const stored = records.map(({ name, record }) => ({
      name,
      digestHex: this.objects.put(record).digestHex,
    }));
    await this.sync();
    for (const { name, digestHex } of stored) this.streams.set(name, digestHex);
  }

  /**
   * Reads a record; undefined when there is none of this name, or it was written by another program.
   *
   * @throws SlipwayError OBJECT_CORRUPT, OBJECT_MISSING, REPOSITORY_INVALID when it is damaged
   */
  readStream(name: string): StreamRecord | undefined {
    requireStreamName(name);
    const digest = this.streams.get(name);
    if (digest === undefined) return undefined;
    const bytes = this.objects.read(digest, RECORD_LIMIT_BYTES);
    return readRecord(bytes, digestBytesOf(this.algorithm), name);
  }

  /**
   * Reads what a stream of composefs-rs stands on; undefined when there is none of this name, or it is none of those.
   *
   * @throws SlipwayError OBJECT_CORRUPT, OBJECT_MISSING, REPOSITORY_INVALID when it is damaged
   */
  readSplitstream(name: string): Splitstream | undefined {
    requireStreamName(name);
    const digest = this.streams.get(name);
    return digest === undefined ? undefined : this.readSplitstreamObject(digest, name);
  }

  /** The same of the object itself; undefined where it is none of those. */
  readSplitstreamObject(digest: string, name: string = digest): Splitstream | undefined {
    const bytes = this.objects.read(digest, RECORD_LIMIT_BYTES);
    return readSplitstream(bytes, digestBytesOf(this.algorithm), name);
  }

  /**
   * The document under a name, whether we recorded it or composefs-rs: a manifest, a configuration. Undefined where there is none, or what is
   * there is longer or no single document.
   *
   * @throws SlipwayError OBJECT_CORRUPT, OBJECT_MISSING, REPOSITORY_INVALID when it is damaged
   */
  readDocument(name: string, limitBytes: number): Buffer | undefined {
    const payload =
      this.readStream(name)?.payload() ?? this.#documentOf(this.readSplitstream(name), limitBytes);
    const chunks: Buffer[] = [];
    let bytes = 0;
    for (const chunk of payload) {
      bytes += chunk.length;
      if (bytes > limitBytes) return undefined;
      chunks.push(chunk);
    }
    return chunks.length === 0 ? undefined : Buffer.concat(chunks);
  }

  #documentOf(stream: Splitstream | undefined, limitBytes: number): readonly Buffer[] {
    const [object, ...more] = stream?.objects ?? [];
    if (object === undefined || more.length > 0) return [];
    return [this.objects.read(object, limitBytes)];
  }

  /** Takes a record away; what only it kept alive goes with the next garbage collection. */
  removeStream(name: string): boolean {
    requireStreamName(name);
    const removed = this.streams.remove(name);
    if (removed) this.streams.syncDirectory();
    return removed;
  }

  /** Names of all records, sorted. */
  listStreams(): readonly string[] {
    return this.streams.list().filter(isStreamName);
  }

  /** The `meta.json` of a store like this one: what a copy of it must hold, where another policy may fit. */
  metaJson(verity: VerityPolicy = this.verity): string {
    return formatMeta({ algorithm: this.algorithm, verity });
  }

  #requireImage(id: string): void {
    if (this.hasImage(id)) return;
    throw new SlipwayError('OBJECT_MISSING', `cannot find image ${id} in ${this.path}`, {
      hint: 'pull the image again',
      details: { image: id },
    });
  }
}

function requireStreamName(name: string): void {
  if (isStreamName(name)) return;
  throw new SlipwayError(
    'REPOSITORY_INVALID',
    `cannot use ${JSON.stringify(name.slice(0, 260))} as the name of a record`,
  );
}
