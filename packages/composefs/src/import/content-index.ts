import {
  FIRST_ROOM,
  freeBytes,
  grown,
  isSlipwayError,
  type OperationOptions,
  operation,
  startTask,
} from '@slipway/core';
import type { KnownContent, OpenContent } from '@slipway/oci';
import { ByteArena } from '../packed/byte-arena.ts';
import { DigestSet } from '../repository/digest-set.ts';
import type { Repository } from '../repository/repository.ts';
import { StoredObjects } from '../repository/stored-objects.ts';
import type { StreamContent, StreamRecord } from '../repository/stream-record.ts';
import {
  ContentRecordWriter,
  contentStreamName,
  contentsOf,
  inlineContent,
  type LocatedContent,
} from './content-record.ts';
import { layerEntries, layerStreamName } from './layer-record.ts';
import { ObjectHasher, READ_BYTES, readPart, type WholeObject } from './object-hasher.ts';

const LAYER_PREFIX = layerStreamName('');
const SHA256 = 'sha256:';
const SHA256_BYTES = 32;
/** In place of the number of an object: the content stands among the inline ones. */
const INLINE = 2 ** 32 - 1;

/**
 * Contents a store has, by their SHA-256, in columns: there are as many as the store has files. One is read at a time: a chunk is good
 * until the next one is asked for.
 */
export class ContentIndex implements KnownContent, Disposable {
  readonly #repository: Repository;
  readonly #sha256 = new DigestSet();
  readonly #objects: DigestSet;
  readonly #inline = new ByteArena();
  /** Number of the object each content is in. */
  #object = new Uint32Array(FIRST_ROOM);
  /** Where it begins in the object, or among the inline ones. */
  #at = new Float64Array(FIRST_ROOM);
  #sizeBytes = new Float64Array(FIRST_ROOM);
  /** By object: one more than the number of the content that is all of it; 0: not known. */
  #whole = new Uint32Array(FIRST_ROOM);
  readonly #scratch = Buffer.allocUnsafeSlow(READ_BYTES);
  /** The digest that is looked for: a buffer for each would be much garbage. */
  readonly #wanted = Buffer.allocUnsafeSlow(SHA256_BYTES);

  /** @param objects of the store, by number; contents of others may be taken in as well, and its memory goes with the index */
  constructor(repository: Repository, objects: DigestSet = new DigestSet()) {
    this.#repository = repository;
    this.#objects = objects;
  }

  get isEmpty(): boolean {
    return this.#sha256.length === 0;
  }

  /** Takes a content in; of two with one digest the last is kept. */
  add(content: LocatedContent): void {
    const number = this.#sha256.indexOf(content.sha256);
    if (number === this.#object.length) {
      this.#object = grown(this.#object);
      this.#at = grown(this.#at);
      this.#sizeBytes = grown(this.#sizeBytes);
    }
    if (content.kind === 'inline') {
      this.#object[number] = INLINE;
      this.#at[number] = this.#inline.addBytes(content.bytes);
      this.#sizeBytes[number] = content.bytes.length;
      return;
    }
    const object = this.#objects.indexOf(content.object);
    this.#object[number] = object;
    this.#at[number] = content.offsetBytes;
    this.#sizeBytes[number] = content.sizeBytes;
    if (content.offsetBytes === 0) this.#noteWhole(object, number);
  }

  /** All of an object, where a content was taken in that is. */
  wholeOf(object: Uint8Array): WholeObject | undefined {
    const known = this.#objects.find(object);
    const number = (known === -1 ? 0 : (this.#whole[known] ?? 0)) - 1;
    const sha256 = number === -1 ? undefined : this.#sha256.at(number);
    return sha256 === undefined ? undefined : { sha256, sizeBytes: this.#sizeBytes[number] ?? 0 };
  }

  find(digest: string, sizeBytes: number): OpenContent | undefined {
    if (!digest.startsWith(SHA256)) return undefined;
    this.#wanted.write(digest.slice(SHA256.length), 'hex');
    const number = this.#sha256.find(this.#wanted);
    if (number === -1 || this.#sizeBytes[number] !== sizeBytes) return undefined;
    const at = this.#at[number] ?? 0;
    const object = this.#object[number] ?? INLINE;
    if (object === INLINE) return (start, end) => [this.#inline.bytes(at + start, end - start)];
    return (start, end) => readPart(this.#pathOf(object), at + start, at + end, this.#scratch);
  }

  /** Gives its memory back at once: it would lie beside the tree of the whole image. */
  [Symbol.dispose](): void {
    for (const part of [this.#sha256, this.#objects, this.#inline]) part[Symbol.dispose]();
    for (const bytes of [this.#object, this.#at, this.#sizeBytes, this.#whole, this.#scratch])
      freeBytes(bytes);
  }

  /** A piece at the beginning of an object is shorter than all of it. */
  #noteWhole(object: number, number: number): void {
    while (object >= this.#whole.length) this.#whole = grown(this.#whole);
    const before = (this.#whole[object] ?? 0) - 1;
    const isLonger = before === -1 || (this.#sizeBytes[before] ?? 0) < (this.#sizeBytes[number] ?? 0);
    if (isLonger) this.#whole[object] = number + 1;
  }

  #pathOf(object: number): string {
    const digest = this.#objects.at(object) ?? new Uint8Array();
    return this.#repository.objectPath(digest.toHex());
  }
}

/**
 * Everything the layers of a store hold. Layers whose index is missing or damaged, because they came whole or from a version that
 * kept none, are read, and their index is recorded. Objects no record names come last: what an interrupted pull brought.
 *
 * The caller holds the lock of the store, shared.
 *
 * @throws SlipwayError IO_FAILED, NO_SPACE, ABORTED
 */
export async function loadContentIndex(
  repository: Repository,
  options: OperationOptions = {},
): Promise<ContentIndex> {
  const { signal, progress, log } = operation(options);
  const records = new WholeRecords(repository);
  const index = new ContentIndex(repository, records.objects.digests);
  const hasher = new ObjectHasher(repository, signal);
  const unindexed: { readonly diffId: string; readonly layer: StreamRecord }[] = [];
  for (const name of repository.listStreams()) {
    if (!name.startsWith(LAYER_PREFIX)) continue;
    const diffId = name.slice(LAYER_PREFIX.length);
    const layer = records.read(name);
    if (layer === undefined) continue;
    const isRecorded = readRecorded(records, diffId, (content) => index.add(content));
    if (!isRecorded) unindexed.push({ diffId, layer });
  }
  const total = unindexed.reduce((sum, { layer }) => sum + layer.objects.length, 0);
  // It takes seconds, once; most times there is nothing to do.
  const task = unindexed.length === 0 ? undefined : startTask(progress, 'index the store', 'items', total);
  for (const { diffId, layer } of unindexed) {
    const record = await indexLayer(layer, diffId, { index, hasher });
    // The layer is fetched again when it is wanted, and says the same.
    if (record === undefined) continue;
    task?.advance(layer.objects.length);
    await repository.putStream(contentStreamName(diffId), record);
    log.debug('indexed the files of a layer', { diffId, files: record.objects.length });
  }
  task?.end();
  await indexStray(records, { index, hasher });
  return index;
}

/** Forgets all that is recorded: a layer made with it was not what it should be. */
export function dropContentIndex(repository: Repository): void {
  const prefix = contentStreamName('');
  for (const name of repository.listStreams()) if (name.startsWith(prefix)) repository.removeStream(name);
}

/** Records all of whose objects were there when this was made, and what is named by them. */
class WholeRecords {
  readonly objects: StoredObjects;
  readonly #repository: Repository;
  readonly #read = new Set<string>();

  constructor(repository: Repository) {
    this.#repository = repository;
    this.objects = new StoredObjects(repository);
  }

  read(name: string): StreamRecord | undefined {
    this.#read.add(name);
    try {
      const record = this.#repository.readStream(name);
      if (record === undefined || !this.objects.hasAll(record.objects)) return undefined;
      for (const digest of record.objects) this.objects.name(digest);
      return record;
    } catch (cause) {
      if (isSlipwayError(cause, 'OBJECT_CORRUPT', 'OBJECT_MISSING', 'REPOSITORY_INVALID')) return undefined;
      throw cause;
    }
  }

  /** Objects no record names, and that are no records or images themselves. */
  unnamed(): Generator<Uint8Array, void, undefined> {
    for (const id of this.#repository.listImages()) this.objects.name(Buffer.from(id, 'hex'));
    for (const name of this.#repository.listStreams()) {
      this.objects.name(Buffer.from(this.#repository.streams.get(name) ?? '', 'hex'));
      if (!this.#read.has(name)) this.read(name);
    }
    return this.objects.unnamed();
  }
}

/** Hands on what is recorded of a layer. False when that is not whole: what was handed on is made anew then, and says the same. */
function readRecorded(
  records: WholeRecords,
  diffId: string,
  take: (content: LocatedContent) => void,
): boolean {
  const record = records.read(contentStreamName(diffId));
  if (record === undefined) return false;
  try {
    for (const content of contentsOf(record, diffId)) take(content);
    return true;
  } catch (cause) {
    if (isSlipwayError(cause, 'REPOSITORY_INVALID')) return false;
    throw cause;
  }
}

/** Takes the contents of a layer in, each as it is found out, and makes the record of them. Undefined: the layer's own is damaged. */
async function indexLayer(
  layer: StreamRecord,
  diffId: string,
  { index, hasher }: { readonly index: ContentIndex; readonly hasher: ObjectHasher },
): Promise<StreamContent | undefined> {
  const writer = new ContentRecordWriter(diffId);
  const take = (content: LocatedContent): void => {
    index.add(content);
    writer.add(content);
  };
  try {
    for (const { content } of layerEntries(layer, diffId)) {
      if (content?.kind === 'inline' && content.bytes.length > 0) take(inlineContent(content.bytes));
      if (content?.kind !== 'object' || content.digest === undefined) continue;
      const { digest: object, sizeBytes } = content;
      const { sha256 } = index.wholeOf(object) ?? (await hasher.hash(object));
      take({ kind: 'object', sha256, object, offsetBytes: 0, sizeBytes });
    }
  } catch (cause) {
    if (isSlipwayError(cause, 'REPOSITORY_INVALID')) return undefined;
    throw cause;
  }
  return writer.end();
}

/** Takes in objects nothing refers to: files of a pull that was cut short, whose layers have no records yet. */
async function indexStray(
  records: WholeRecords,
  { index, hasher }: { readonly index: ContentIndex; readonly hasher: ObjectHasher },
): Promise<void> {
  for (const object of records.unnamed()) {
    const whole = index.wholeOf(object) ?? (await hasher.hash(object));
    index.add({ kind: 'object', ...whole, object, offsetBytes: 0 });
  }
}
