/**
 * Which object holds which content: the index that lets a pull leave out files by the digests registries know them by. Private,
 * version 1, one record for each layer, named by the layer's record and so kept and collected with it.
 *
 *     payload   diff id (text), then entries to the end; an entry never straddles chunks
 *     entry     0 and the bytes of a content that stands in the layer's record, or
 *               1, SHA-256 (bytes), index of the object in the record, offset in it, length
 *
 * It is a cache: whatever it says is believed only once the layer made with it has the right digest. One that is
 * missing or damaged is made anew, by reading the objects.
 */
import { hash } from 'node:crypto';
import { SlipwayError } from '@slipway/core';
import { DigestSet } from '../repository/digest-set.ts';
import {
  compressChunk,
  type DigestList,
  type RecordChunk,
  type StreamContent,
  type StreamRecord,
} from '../repository/stream-record.ts';
import { INLINE_LIMIT_BYTES } from './layer-entry.ts';
import { ByteReader, ByteWriter } from './varint.ts';

const RECORD_KIND = 'oci-content/1';
const CHUNK_BYTES = 1024 * 1024;
const DIFF_ID_LIMIT_BYTES = 200;
const INLINE = 0;
const OBJECT = 1;
const SHA256_BYTES = 32;
const MAX_OBJECTS = 2 ** 32 - 1;

/** Content that is here, all of an object or a part of it, or bytes at hand. */
export type LocatedContent =
  | { readonly kind: 'inline'; readonly sha256: Buffer; readonly bytes: Uint8Array }
  | {
      readonly kind: 'object';
      readonly sha256: Uint8Array;
      /** Raw fs-verity digest. */
      readonly object: Uint8Array;
      readonly offsetBytes: number;
      readonly sizeBytes: number;
    };

/** Name of the index of a layer. */
export function contentStreamName(diffId: string): string {
  return `oci-content-${diffId}`;
}

/** Makes the record of a layer as its contents come: all of them at once may be many times as large. */
export class ContentRecordWriter {
  readonly #writer = new ByteWriter(CHUNK_BYTES + 64 * 1024);
  readonly #chunks: RecordChunk[] = [];
  readonly #objects = new DigestSet();

  constructor(diffId: string) {
    this.#writer.text(diffId);
  }

  add(content: LocatedContent): void {
    const writer = this.#writer;
    if (content.kind === 'inline') {
      writer.number(INLINE);
      writer.bytes(content.bytes);
    } else {
      writer.number(OBJECT);
      writer.bytes(content.sha256);
      for (const value of [this.#objects.indexOf(content.object), content.offsetBytes, content.sizeBytes])
        writer.number(value);
    }
    if (writer.length >= CHUNK_BYTES) this.#chunks.push(compressChunk(writer.take()));
  }

  end(): StreamContent {
    if (this.#writer.length > 0) this.#chunks.push(compressChunk(this.#writer.take()));
    return { kind: RECORD_KIND, objects: this.#objects, streams: [], chunks: this.#chunks };
  }
}

/**
 * Reads it back.
 *
 * @throws SlipwayError REPOSITORY_INVALID when it is not of this layer, or damaged
 */
export function* contentsOf(
  record: StreamRecord,
  diffId: string,
): Generator<LocatedContent, void, undefined> {
  const damaged = (reason: string): SlipwayError =>
    new SlipwayError('REPOSITORY_INVALID', `cannot read the content index of layer ${diffId}: ${reason}`, {
      hint: 'check the store with repair; it is made anew when needed',
      details: { diffId },
    });
  if (record.kind !== RECORD_KIND) throw damaged(`it is ${JSON.stringify(record.kind.slice(0, 40))}`);
  let first = true;
  for (const chunk of record.payload()) {
    const reader = new ByteReader(chunk, damaged);
    if (first && reader.text(DIFF_ID_LIMIT_BYTES) !== diffId) throw damaged('it is of another layer');
    first = false;
    while (!reader.atEnd) yield readContent(reader, record.objects, damaged);
  }
}

function readContent(
  reader: ByteReader,
  objects: DigestList,
  damaged: (reason: string) => Error,
): LocatedContent {
  if (reader.number(OBJECT) === INLINE) return inlineContent(reader.bytes(INLINE_LIMIT_BYTES));
  // Copied: views would keep the whole chunk in memory.
  const sha256 = new Uint8Array(reader.bytes(SHA256_BYTES));
  const object = objects.at(reader.number(MAX_OBJECTS));
  const offsetBytes = reader.number();
  const sizeBytes = reader.number();
  if (object === undefined || sha256.length !== SHA256_BYTES) throw damaged('an entry is not valid');
  return { kind: 'object', sha256, object, offsetBytes, sizeBytes };
}

/** Content that stands in the record of a layer. */
export function inlineContent(bytes: Uint8Array): LocatedContent {
  return { kind: 'inline', sha256: hash('sha256', bytes, 'buffer'), bytes: Buffer.from(bytes) };
}
