import {
  FIRST_ROOM,
  grown,
  isSlipwayError,
  type OperationOptions,
  operation,
  startTask,
} from '@slipway/core';
import type { KnownContent, OpenContent } from '@slipway/oci';
import { ByteArena } from '../packed/byte-arena.ts';
import { DigestSet } from '../repository/digest-set.ts';
import { objectFiles } from '../repository/object-files.ts';
import type { Repository } from '../repository/repository.ts';
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
/** In place of the number of an object: the content stands among the inline ones. */
const INLINE = 2 ** 32 - 1;

/**
 * Contents a store has, by their SHA-256, in columns: there are as many as the store has files. One is read at a time: a chunk is good
 * until the next one is asked for.
 */
export class ContentIndex implements KnownContent {
  readonly #repository: Repository;
  readonly #sha256 = new DigestSet();
  readonly #objects = new DigestSet();
  readonly #inline = new ByteArena();
  /** Number of the object each content is in. */
  #object = new Uint32Array(FIRST_ROOM);
  /** Where it begins in the object, or among the inline ones. */
  #at = new Float64Array(FIRST_ROOM);
  #sizeBytes = new Float64Array(FIRST_ROOM);
  /** By object: one more than the number of the content that is all of it; 0: not known. */
  #whole = new Uint32Array(FIRST_ROOM);
  readonly #scratch = Buffer.allocUnsafeSlow(READ_BYTES);

  constructor(repository: Repository) {
    this.#repository = repository;
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
    if (!digest.startsWith('sha256:')) return undefined;
    const number = this.#sha256.find(Buffer.from(digest.slice(7), 'hex'));
    if (number === -1 || this.#sizeBytes[number] !== sizeBytes) return undefined;
    const at = this.#at[number] ?? 0;
    const object = this.#object[number] ?? INLINE;
    if (object === INLINE) return (start, end) => [this.#inline.bytes(at + start, end - start)];
    return (start, end) => readPart(this.#pathOf(object), at + start, at + end, this.#scratch);
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
    return this.#repository.objectPath(Buffer.from(digest).toString('hex'));
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
  const index = new ContentIndex(repository);
  const hasher = new ObjectHasher(repository, signal);
  const unindexed: { readonly diffId: string; readonly layer: StreamRecord }[] = [];
  for (const name of repository.listStreams()) {
    if (!name.startsWith(LAYER_PREFIX)) continue;
    const diffId = name.slice(LAYER_PREFIX.length);
    const layer = readWhole(repository, name);
    if (layer === undefined) continue;
    const isRecorded = readRecorded(repository, diffId, (content) => index.add(content));
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
  await indexStray(repository, { index, hasher });
  return index;
}

/** Forgets all that is recorded: a layer made with it was not what it should be. */
export function dropContentIndex(repository: Repository): void {
  const prefix = contentStreamName('');
  for (const name of repository.listStreams()) if (name.startsWith(prefix)) repository.removeStream(name);
}

/** A record all of whose objects are here. */
function readWhole(repository: Repository, name: string): StreamRecord | undefined {
  try {
    const record = repository.readStream(name);
    const isWhole = Iterator.from(record?.objects ?? []).every((digest) =>
      repository.hasObject(Buffer.from(digest).toString('hex')),
    );
    return isWhole ? record : undefined;
  } catch (cause) {
    if (isSlipwayError(cause, 'OBJECT_CORRUPT', 'OBJECT_MISSING', 'REPOSITORY_INVALID')) return undefined;
    throw cause;
  }
}

/** Hands on what is recorded of a layer. False when that is not whole: what was handed on is made anew then, and says the same. */
function readRecorded(
  repository: Repository,
  diffId: string,
  take: (content: LocatedContent) => void,
): boolean {
  const record = readWhole(repository, contentStreamName(diffId));
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
  repository: Repository,
  { index, hasher }: { readonly index: ContentIndex; readonly hasher: ObjectHasher },
): Promise<void> {
  const named = new DigestSet();
  const nameHex = (digest: string | undefined): void => {
    if (digest !== undefined) named.indexOf(Buffer.from(digest, 'hex'));
  };
  for (const id of repository.listImages()) nameHex(id);
  for (const name of repository.listStreams()) {
    nameHex(repository.streams.get(name));
    for (const digest of readWhole(repository, name)?.objects ?? []) named.indexOf(digest);
  }
  for (const { digest } of objectFiles(repository)) {
    if (digest === undefined) continue;
    const object = Buffer.from(digest, 'hex');
    if (named.find(object) !== -1) continue;
    const whole = index.wholeOf(object) ?? (await hasher.hash(object));
    index.add({ kind: 'object', ...whole, object, offsetBytes: 0 });
  }
}
