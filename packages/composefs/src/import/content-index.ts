import { createHash } from 'node:crypto';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { isSlipwayError, type OperationOptions, operation, SlipwayError, startTask } from '@slipway/core';
import type { KnownContent, OpenContent } from '@slipway/oci';
import { ioError } from '../repository/io-error.ts';
import { objectFiles } from '../repository/object-files.ts';
import type { Repository } from '../repository/repository.ts';
import type { StreamRecord } from '../repository/stream-record.ts';
import {
  contentStreamName,
  contentsOf,
  inlineContent,
  type LocatedContent,
  writeContentRecord,
} from './content-record.ts';
import { layerEntries, layerStreamName } from './layer-record.ts';

const READ_BYTES = 256 * 1024;
const LAYER_PREFIX = layerStreamName('');
const OBJECTS_PER_CHECK = 64;

/** Contents a store has, by their SHA-256. One is read at a time: a chunk is good until the next one is asked for. */
export class ContentIndex implements KnownContent {
  readonly #repository: Repository;
  /** Key: raw digest as latin1. */
  readonly #contents = new Map<string, LocatedContent>();
  readonly #scratch = Buffer.allocUnsafeSlow(READ_BYTES);

  constructor(repository: Repository) {
    this.#repository = repository;
  }

  get isEmpty(): boolean {
    return this.#contents.size === 0;
  }

  add(content: LocatedContent): void {
    this.#contents.set(content.sha256.toString('latin1'), content);
  }

  find(digest: string, sizeBytes: number): OpenContent | undefined {
    if (!digest.startsWith('sha256:')) return undefined;
    const content = this.#contents.get(Buffer.from(digest.slice(7), 'hex').toString('latin1'));
    if (content === undefined) return undefined;
    if (content.kind === 'inline') {
      const { bytes } = content;
      return bytes.length === sizeBytes ? (start, end) => [bytes.subarray(start, end)] : undefined;
    }
    const { object, offsetBytes } = content;
    if (content.sizeBytes !== sizeBytes) return undefined;
    const path = this.#repository.objectPath(Buffer.from(object).toString('hex'));
    return (start, end) => readPart(path, offsetBytes + start, offsetBytes + end, this.#scratch);
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
  const digests = new ObjectDigests(repository, signal);
  const unindexed: { readonly diffId: string; readonly layer: StreamRecord }[] = [];
  for (const name of repository.listStreams()) {
    if (!name.startsWith(LAYER_PREFIX)) continue;
    const diffId = name.slice(LAYER_PREFIX.length);
    const layer = readWhole(repository, name);
    if (layer === undefined) continue;
    const contents = recordedContents(repository, diffId);
    if (contents === undefined) unindexed.push({ diffId, layer });
    for (const content of contents ?? []) {
      index.add(content);
      digests.note(content);
    }
  }
  const total = unindexed.reduce((sum, { layer }) => sum + layer.objects.length, 0);
  // It takes seconds, once; most times there is nothing to do.
  const task = unindexed.length === 0 ? undefined : startTask(progress, 'index the store', 'items', total);
  for (const { diffId, layer } of unindexed) {
    const contents = await contentsOfLayer(layer, diffId, digests);
    // The layer is fetched again when it is wanted, and says the same.
    if (contents === undefined) continue;
    task?.advance(layer.objects.length);
    for (const content of contents) index.add(content);
    await repository.putStream(contentStreamName(diffId), writeContentRecord(diffId, contents));
    log.debug('indexed the files of a layer', { diffId, files: contents.length });
  }
  task?.end();
  for (const content of await strayContents(repository, digests)) index.add(content);
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

function recordedContents(repository: Repository, diffId: string): readonly LocatedContent[] | undefined {
  const record = readWhole(repository, contentStreamName(diffId));
  if (record === undefined) return undefined;
  try {
    return [...contentsOf(record, diffId)];
  } catch (cause) {
    if (isSlipwayError(cause, 'REPOSITORY_INVALID')) return undefined;
    throw cause;
  }
}

async function contentsOfLayer(
  layer: StreamRecord,
  diffId: string,
  digests: ObjectDigests,
): Promise<readonly LocatedContent[] | undefined> {
  const contents: LocatedContent[] = [];
  try {
    for (const { content } of layerEntries(layer, diffId)) {
      if (content?.kind === 'inline' && content.bytes.length > 0) contents.push(inlineContent(content.bytes));
      if (content?.kind !== 'object' || content.digest === undefined) continue;
      const { digest: object, sizeBytes } = content;
      const sha256 = await digests.of(object);
      contents.push({ kind: 'object', sha256, object, offsetBytes: 0, sizeBytes });
    }
  } catch (cause) {
    if (isSlipwayError(cause, 'REPOSITORY_INVALID')) return undefined;
    throw cause;
  }
  return contents;
}

/** Objects nothing refers to: files of a pull that was cut short, whose layers have no records yet. */
async function strayContents(
  repository: Repository,
  digests: ObjectDigests,
): Promise<readonly LocatedContent[]> {
  const named = new Set<string>(repository.listImages());
  for (const name of repository.listStreams()) {
    named.add(repository.streams.get(name) ?? '');
    for (const digest of readWhole(repository, name)?.objects ?? [])
      named.add(Buffer.from(digest).toString('hex'));
  }
  const contents: LocatedContent[] = [];
  for (const { digest } of objectFiles(repository)) {
    if (digest === undefined || named.has(digest)) continue;
    const object = Buffer.from(digest, 'hex');
    const sha256 = await digests.of(object);
    contents.push({ kind: 'object', sha256, object, offsetBytes: 0, sizeBytes: digests.sizeOf(object) });
  }
  return contents;
}

/** SHA-256 of objects, each read once. */
class ObjectDigests {
  readonly #repository: Repository;
  readonly #signal: AbortSignal;
  readonly #known = new Map<string, { readonly sha256: Buffer; readonly sizeBytes: number }>();
  readonly #scratch = Buffer.allocUnsafeSlow(READ_BYTES);
  #read = 0;

  constructor(repository: Repository, signal: AbortSignal) {
    this.#repository = repository;
    this.#signal = signal;
  }

  /** Takes over what a record says of a whole object. */
  note(content: LocatedContent): void {
    if (content.kind !== 'object' || content.offsetBytes > 0) return;
    const key = Buffer.from(content.object).toString('hex');
    const { sha256, sizeBytes } = content;
    // A piece at the beginning of a file is shorter than the file.
    if ((this.#known.get(key)?.sizeBytes ?? 0) < sizeBytes) this.#known.set(key, { sha256, sizeBytes });
  }

  async of(object: Uint8Array): Promise<Buffer> {
    const key = Buffer.from(object).toString('hex');
    const known = this.#known.get(key);
    if (known !== undefined) return known.sha256;
    const hash = createHash('sha256');
    let sizeBytes = 0;
    const chunks = readPart(this.#repository.objectPath(key), 0, Number.MAX_SAFE_INTEGER, this.#scratch);
    for (const chunk of chunks) {
      hash.update(chunk);
      sizeBytes += chunk.length;
    }
    this.#read += 1;
    if (this.#read % OBJECTS_PER_CHECK === 0) await this.#pause();
    const sha256 = hash.digest();
    this.#known.set(key, { sha256, sizeBytes });
    return sha256;
  }

  sizeOf(object: Uint8Array): number {
    return this.#known.get(Buffer.from(object).toString('hex'))?.sizeBytes ?? 0;
  }

  /** Lets others work: reading a whole store takes seconds. */
  async #pause(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#signal.throwIfAborted();
  }
}

/** Bytes of a file, from one to before another or to its end, one after the other in a buffer. */
function* readPart(
  path: string,
  startBytes: number,
  endBytes: number,
  scratch: Buffer,
): Generator<Buffer, void, undefined> {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (cause) {
    throw new SlipwayError('OBJECT_MISSING', `cannot open ${path}`, { cause });
  }
  try {
    for (let at = startBytes; at < endBytes; ) {
      const count = readSync(fd, scratch, 0, Math.min(scratch.length, endBytes - at), at);
      if (count === 0) return;
      at += count;
      yield scratch.subarray(0, count);
    }
  } catch (cause) {
    throw ioError('read an object', path, cause);
  } finally {
    closeSync(fd);
  }
}
