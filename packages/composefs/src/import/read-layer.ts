import { type ByteStream, type OperationOptions, operation } from '@slipway/core';
import { readTar, type TarEntry } from '@slipway/oci/layers';
import type { ObjectStore, StoredObject } from '../repository/object-store.ts';
import { writeRecord } from '../repository/stream-record.ts';
import type { FileContent } from '../tree.ts';
import { digestBytesOf } from '../verity/algorithm.ts';
import { checkEntry, ENTRY_LIMIT, INLINE_LIMIT_BYTES, refused } from './layer-entry.ts';
import { LayerRecordWriter } from './layer-record.ts';

/** What a layer brought. */
export interface LayerCount {
  /** Entries of the archive. */
  entries: number;
  /** Objects the store did not have. */
  newObjects: number;
  newObjectBytes: number;
  /** Bytes of files the store had already. */
  sharedBytes: number;
}

/** A layer whose files are in the store, with names, not yet synced; and the record of it, not yet stored. */
export interface ReadLayer {
  readonly record: Buffer;
  readonly count: Readonly<LayerCount>;
}

const EMPTY: FileContent = { kind: 'inline', bytes: new Uint8Array(0) };
/** Files up to this size are gathered and written at once. */
const GATHER_BYTES = 1024 * 1024;
const ENTRIES_PER_CHECK = 256;

/**
 * Reads a layer's archive once: files into the store, entries into the record every later step works with.
 *
 * What is wrong with an entry by itself is refused here, before its body is stored; what is wrong where it goes shows when
 * the record is applied to the tree.
 *
 * @param tar decompressed, its end throwing when its digest is wrong
 * @throws SlipwayError LAYER_ENTRY_REFUSED, OCI_TAR_INVALID, NO_SPACE, or what the stream throws. The objects
 *   stored until then stay, to be found by the next try or removed by garbage collection.
 */
export async function readLayer(
  objects: ObjectStore,
  tar: ByteStream,
  diffId: string,
  options: OperationOptions & { readonly entryLimit?: number } = {},
): Promise<ReadLayer> {
  const { signal } = operation(options);
  const { entryLimit = ENTRY_LIMIT } = options;
  const record = new LayerRecordWriter(diffId);
  const files = new FileImporter(objects);
  const { count } = files;
  for await (const entry of readTar(tar)) {
    count.entries += 1;
    if (count.entries % ENTRIES_PER_CHECK === 0) signal.throwIfAborted();
    const place = { layer: diffId, path: entry.path };
    if (count.entries > entryLimit) throw refused(place, `the layer has more than ${entryLimit} entries`);
    checkEntry(entry, place);
    record.add({ header: entry, content: entry.kind === 'file' ? await files.store(entry) : undefined });
  }
  await objects.settle();
  return { record: writeRecord(record.finish(), digestBytesOf(objects.algorithm)), count };
}

/** Puts bodies where they belong and counts. */
class FileImporter {
  readonly count: LayerCount = { entries: 0, newObjects: 0, newObjectBytes: 0, sharedBytes: 0 };
  readonly #store: ObjectStore;
  /** Bodies in several pieces are put together here, one after the other. */
  readonly #scratch = Buffer.allocUnsafeSlow(GATHER_BYTES);

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  async store(entry: TarEntry): Promise<FileContent> {
    if (entry.sizeBytes === 0) return EMPTY;
    if (entry.sizeBytes > GATHER_BYTES) return this.#object(await this.#storeLong(entry.body));
    const bytes = await this.#gather(entry);
    if (bytes.length <= INLINE_LIMIT_BYTES) return { kind: 'inline', bytes };
    const backlog = this.#store.backlog();
    if (backlog !== undefined) await backlog;
    return this.#object(this.#store.put(bytes));
  }

  async #storeLong(body: ByteStream): Promise<StoredObject> {
    const object = this.#store.openLong();
    try {
      for await (const chunk of body) object.write(chunk);
    } catch (cause) {
      object.discard();
      throw cause;
    }
    return object.finish();
  }

  #object({ digest, sizeBytes, existed }: StoredObject): FileContent {
    if (existed) this.count.sharedBytes += sizeBytes;
    else {
      this.count.newObjects += 1;
      this.count.newObjectBytes += sizeBytes;
    }
    // Copied into Node's pool: fifty thousand buffers of their own would take four times the memory.
    return { kind: 'object', sizeBytes, digest: Buffer.from(digest) };
  }

  /** The whole body, until the next one; without a copy when it lies in one piece, as small ones mostly do. */
  async #gather(entry: TarEntry): Promise<Uint8Array> {
    let filledBytes = 0;
    for await (const piece of entry.body) {
      if (piece.length === entry.sizeBytes) return piece;
      this.#scratch.set(piece, filledBytes);
      filledBytes += piece.length;
    }
    return this.#scratch.subarray(0, filledBytes);
  }
}
