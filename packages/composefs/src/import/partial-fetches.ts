import {
  isSlipwayError,
  messageOf,
  type OperationOptions,
  operation,
  type ProgressTask,
  startTask,
} from '@slipway/core';
import type {
  ImageSource,
  PackedLayer,
  PartialLayer,
  ResolvedImage,
  TocFile,
  TocFileList,
} from '@slipway/oci';
import type { Repository } from '../repository/repository.ts';
import type { NamedStream } from '../repository/store.ts';
import { readRecord } from '../repository/stream-record.ts';
import { digestBytesOf } from '../verity/algorithm.ts';
import { type ContentIndex, dropContentIndex, loadContentIndex } from './content-index.ts';
import {
  ContentRecordWriter,
  contentStreamName,
  inlineContent,
  type LocatedContent,
} from './content-record.ts';
import { layerEntries, layerStreamName } from './layer-record.ts';
import { layerTask } from './layer-task.ts';
import type { LayerWorkers } from './layer-workers.ts';
import { readBlob } from './read-blob.ts';
import type { ReadLayer } from './read-layer.ts';
import { Turns } from './turns.ts';

/** An image whose layers are fetched. */
interface ImageFetch {
  readonly source: ImageSource;
  readonly image: ResolvedImage;
  /** Where the blobs of pulls cut short are. */
  readonly cacheDir: string;
  readonly options: OperationOptions;
}

/** What came of trying. */
interface PartialOutcome {
  /** Undefined: the whole layer is to be fetched. */
  readonly layer: ReadLayer | undefined;
  /** Bytes that came from the source, also for nothing. */
  readonly fetchedBytes: number;
}

/** A partial fetch that failed so says nothing against the whole layer. */
const TRY_WHOLE = [
  'OCI_CHUNKED_INVALID',
  'OCI_RANGES_UNSUPPORTED',
  'OCI_REGISTRY_FAILED',
  'OCI_DIGEST_MISMATCH',
  'OCI_COMPRESSION_INVALID',
  'OCI_TAR_INVALID',
  'LAYER_ENTRY_REFUSED',
  'OBJECT_MISSING',
] as const;

/**
 * Fetches the layers of one image in parts: only the files the store does not have (zstd:chunked, eStargz).
 *
 * What comes out is what the whole layer would have given: the archive is put together byte by byte, from fetched pieces and from
 * objects, and has the digest of the image's configuration, or is refused. Nothing else is trusted, neither the table of contents
 * nor the index of the store; when something is wrong the whole layer is fetched, with a warning.
 */
export class PartialFetches {
  readonly #repository: Repository;
  readonly #workers: LayerWorkers;
  readonly #records: NamedStream[] = [];
  #index: Promise<ContentIndex> | undefined;
  #isPossible = true;
  /** One layer at a time: each has several requests under way already, and tables in memory. */
  readonly #turns = new Turns(1);

  constructor(repository: Repository, workers: LayerWorkers) {
    this.#repository = repository;
    this.#workers = workers;
  }

  /** Tries one layer. */
  async fetch(fetch: ImageFetch, index: number): Promise<PartialOutcome> {
    if (!this.#isPossible || fetch.source.openBlobParts === undefined)
      return { layer: undefined, fetchedBytes: 0 };
    const { signal, log } = operation(fetch.options);
    const counter = new Counter(fetch, index);
    try {
      const layer = await this.#turns.run(() => this.#fetch(fetch, index, counter));
      return { layer, fetchedBytes: counter.fetchedBytes };
    } catch (cause) {
      signal.throwIfAborted();
      if (!isSlipwayError(cause, ...TRY_WHOLE)) throw cause;
      counter.end();
      if (cause.code === 'OCI_RANGES_UNSUPPORTED') this.#isPossible = false;
      if (counter.hasBegun) this.#forget();
      log.warn('a layer cannot be fetched in parts and is fetched whole', {
        layer: layerTask(fetch.image, index),
        reason: messageOf(cause),
      });
      return { layer: undefined, fetchedBytes: counter.fetchedBytes };
    }
  }

  /**
   * Remembers what the fetched layers hold. After their records: a power cut in between leaves layers without an index, which
   * is made again when it is needed.
   */
  async record(): Promise<void> {
    if (this.#records.length > 0) await this.#repository.putStreams(this.#records.splice(0));
  }

  /** Gives back what finding contents takes, when no more layers come. */
  async release(): Promise<void> {
    const index = await this.#index?.catch(() => undefined);
    this.#index = undefined;
    index?.[Symbol.dispose]();
  }

  async #fetch(fetch: ImageFetch, index: number, counter: Counter): Promise<ReadLayer | undefined> {
    const { source, image, cacheDir, options } = fetch;
    const { leftoverBytes, openPartialLayer, packedLayer, removeLeftover } = await import('@slipway/oci');
    const layer = packedLayer(source, image, index);
    const onFetched = (bytes: number): void => counter.add(bytes);
    const partial = await openPartialLayer(source, image, index, () => this.#load(fetch), {
      ...options,
      onFetched,
    });
    if (partial === undefined) return undefined;
    using _files = partial.files;
    const missing = layer.descriptor.size - (await leftoverBytes(cacheDir, layer.descriptor));
    // Most of the blob was here before a pull was cut short: that one goes on.
    if (missing < partial.wantedBytes) return undefined;
    counter.begin();
    const read = await readBlob(
      { repository: this.#repository, workers: this.#workers, options },
      layer,
      partial.archive,
    );
    counter.end();
    await removeLeftover(cacheDir, layer.descriptor);
    await this.#remember(layer, partial, read);
    return read;
  }

  #load({ options }: ImageFetch): Promise<ContentIndex> {
    this.#index ??= loadContentIndex(this.#repository, options);
    return this.#index;
  }

  /** What the index said may be why. The next layer has it made anew, from the objects themselves. */
  #forget(): void {
    dropContentIndex(this.#repository);
    this.#records.length = 0;
    this.#index = undefined;
  }

  async #remember({ diffId }: PackedLayer, { files }: PartialLayer, { record }: ReadLayer): Promise<void> {
    if (files.length === 0) return;
    const index = await this.#index;
    const writer = new ContentRecordWriter(diffId);
    for (const content of this.#contentsOf(diffId, files, record)) {
      index?.add(content);
      writer.add(content);
    }
    this.#records.push({ name: contentStreamName(diffId), content: writer.end() });
  }

  /** Files by the table of contents, which is right by now and has them in the order of the record, where the record says they are. */
  *#contentsOf(
    diffId: string,
    files: TocFileList,
    record: Buffer,
  ): Generator<LocatedContent, void, undefined> {
    const parsed = readRecord(record, digestBytesOf(this.#repository.algorithm), layerStreamName(diffId));
    if (parsed === undefined) return;
    const named = files[Symbol.iterator]();
    for (const { header, content } of layerEntries(parsed, diffId)) {
      if (content?.kind === 'inline' && content.bytes.length > 0) yield inlineContent(content.bytes);
      if (content === undefined || header.sizeBytes === 0) continue;
      const file = nextNamed(named, header.path);
      if (content.kind !== 'object' || content.digest === undefined || file === undefined) continue;
      yield* contentsOfFile(file, content.digest);
    }
  }
}

/** The next file of a name; what stands before it is passed over. */
function nextNamed(files: Iterator<TocFile, unknown>, name: string): TocFile | undefined {
  for (;;) {
    const { done, value } = files.next();
    if (done === true) return undefined;
    if (value.name === name) return value;
  }
}

/** A file, and its pieces where it has several. */
function* contentsOfFile(file: TocFile, object: Uint8Array): Generator<LocatedContent, void, undefined> {
  const located = (digest: string, offsetBytes: number, sizeBytes: number): LocatedContent[] =>
    digest.startsWith('sha256:')
      ? [{ kind: 'object', sha256: Uint8Array.fromHex(digest.slice(7)), object, offsetBytes, sizeBytes }]
      : [];
  yield* located(file.digest, 0, file.sizeBytes);
  let at = 0;
  for (const { digest, sizeBytes, isZeros } of file.chunks.length > 1 ? file.chunks : []) {
    if (digest !== undefined && !isZeros) yield* located(digest, at, sizeBytes);
    at += sizeBytes;
  }
}

/** Counts what one layer costs. Its progress begins when it is known that it can be fetched in parts. */
class Counter {
  fetchedBytes = 0;
  readonly #fetch: ImageFetch;
  readonly #index: number;
  #task: ProgressTask | undefined;
  #hasBegun = false;

  constructor(fetch: ImageFetch, index: number) {
    this.#fetch = fetch;
    this.#index = index;
  }

  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  add(bytes: number): void {
    this.fetchedBytes += bytes;
    this.#task?.advance(bytes);
  }

  begin(): void {
    const { image, options } = this.#fetch;
    const task = startTask(
      operation(options).progress,
      layerTask(image, this.#index),
      'bytes',
      this.#sizeBytes,
    );
    task.advance(this.fetchedBytes);
    this.#task = task;
    this.#hasBegun = true;
  }

  /** What was not fetched was saved. */
  end(): void {
    this.#task?.save(Math.max(0, this.#sizeBytes - this.fetchedBytes));
    this.#task?.end();
    this.#task = undefined;
  }

  get #sizeBytes(): number {
    return this.#fetch.image.manifest.layers[this.#index]?.size ?? 0;
  }
}
