/**
 * What stays of a layer once it is imported: its entries without the bodies. Private, version 1, in the payload of a
 * stream record (`repository/stream-record.ts`); numbers, texts and bytes as in `varint.ts`.
 *
 *     payload   diff id (text), then entries to the end; an entry never straddles chunks
 *     entry     kind (number: place in KINDS), path (text), mode, uid, gid, mtime seconds (signed), nanoseconds,
 *               attributes (count, then key and value each), then by kind:
 *       file              0 and the bytes, or 1, size and index of the object in the record
 *       symlink, hardlink target (text)
 *       device            major, minor
 */
import { SlipwayError } from '@slipway/core';
import type { TarHeader } from '@slipway/oci';
import { DigestSet } from '../repository/digest-set.ts';
import {
  compressChunk,
  type DigestList,
  type RecordChunk,
  type StreamContent,
  type StreamRecord,
} from '../repository/stream-record.ts';
import type { FileContent } from '../tree.ts';
import { contentStreamName } from './content-record.ts';
import { INLINE_LIMIT_BYTES, type LayerEntry, XATTR_LIMIT } from './layer-entry.ts';
import { ByteReader, ByteWriter } from './varint.ts';

const RECORD_KIND = 'oci-layer/1';
/** A chunk is compressed once it is this long. */
const CHUNK_BYTES = 1024 * 1024;
const TEXT_LIMIT_BYTES = 4095;
const XATTR_VALUE_LIMIT_BYTES = 65_535;
const ID_LIMIT = 2 ** 32 - 1;

const KINDS: readonly TarHeader['kind'][] = [
  'file',
  'directory',
  'symlink',
  'hardlink',
  'character-device',
  'block-device',
  'fifo',
];
const CONTENT_INLINE = 0;
const CONTENT_OBJECT = 1;
const NO_XATTRS: ReadonlyMap<string, Uint8Array> = new Map();

/** Name of a layer's record: by what is in the layer, not by how it was compressed. */
export function layerStreamName(diffId: string): string {
  return `oci-layer-${diffId}`;
}

/** Gathers the entries of a layer while it is imported; holds some seventy bytes a file. */
export class LayerRecordWriter {
  readonly #writer = new ByteWriter(CHUNK_BYTES + 64 * 1024);
  readonly #chunks: RecordChunk[] = [];
  readonly #objects = new DigestSet();
  readonly #contentStream: string;

  constructor(diffId: string) {
    // Named whether or not there is one: it is kept, and collected, with the layer.
    this.#contentStream = contentStreamName(diffId);
    this.#writer.text(diffId);
  }

  /** Adds an entry that was found representable. */
  add({ header, content }: LayerEntry): void {
    const writer = this.#writer;
    writer.number(KINDS.indexOf(header.kind));
    writer.text(header.path);
    for (const value of [header.mode, header.uid, header.gid]) writer.number(value);
    writer.signed(header.mtimeSec);
    writer.number(header.mtimeNsec);
    writer.number(header.xattrs.size);
    for (const [key, value] of header.xattrs) {
      writer.text(key);
      writer.bytes(value);
    }
    if (content !== undefined) this.#addContent(content);
    else if (header.kind === 'symlink' || header.kind === 'hardlink') writer.text(header.linkTarget);
    else if (header.kind === 'character-device' || header.kind === 'block-device') {
      writer.number(header.deviceMajor);
      writer.number(header.deviceMinor);
    }
    if (writer.length >= CHUNK_BYTES) this.#flush();
  }

  /** The record. The writer is used up. */
  finish(): StreamContent {
    if (this.#writer.length > 0) this.#flush();
    return {
      kind: RECORD_KIND,
      objects: this.#objects,
      streams: [this.#contentStream],
      chunks: this.#chunks,
    };
  }

  #addContent(content: FileContent): void {
    if (content.kind === 'inline') {
      this.#writer.number(CONTENT_INLINE);
      this.#writer.bytes(content.bytes);
      return;
    }
    if (content.digest === undefined) throw new Error('internal error: an imported file has no digest');
    this.#writer.number(CONTENT_OBJECT);
    this.#writer.number(content.sizeBytes);
    this.#writer.number(this.#objects.indexOf(content.digest));
  }

  #flush(): void {
    this.#chunks.push(compressChunk(this.#writer.take()));
  }
}

/**
 * Reads the entries back, in their order.
 *
 * @throws SlipwayError REPOSITORY_INVALID when the record is not of this layer, or damaged
 */
export function* layerEntries(record: StreamRecord, diffId: string): Generator<LayerEntry, void, undefined> {
  const damaged = (reason: string): SlipwayError =>
    new SlipwayError('REPOSITORY_INVALID', `cannot read the record of layer ${diffId}: ${reason}`, {
      hint: 'check the store with repair, then pull the image again',
      details: { diffId },
    });
  if (record.kind !== RECORD_KIND) throw damaged(`it is ${JSON.stringify(record.kind.slice(0, 40))}`);
  let first = true;
  for (const chunk of record.payload()) {
    const reader = new ByteReader(chunk, damaged);
    if (first && reader.text(TEXT_LIMIT_BYTES) !== diffId) throw damaged('it is of another layer');
    first = false;
    while (!reader.atEnd) yield readEntry(reader, record.objects, damaged);
  }
  if (first) throw damaged('it is empty');
}

function readEntry(reader: ByteReader, objects: DigestList, damaged: (reason: string) => Error): LayerEntry {
  const kind = KINDS[reader.number(KINDS.length - 1)] ?? 'file';
  const path = reader.text(TEXT_LIMIT_BYTES);
  const mode = reader.number(0o7777);
  const uid = reader.number(ID_LIMIT);
  const gid = reader.number(ID_LIMIT);
  const mtimeSec = reader.signed();
  const mtimeNsec = reader.number(999_999_999);
  const xattrs = readXattrs(reader);
  const content = kind === 'file' ? readContent(reader, objects, damaged) : undefined;
  const isLink = kind === 'symlink' || kind === 'hardlink';
  const linkTarget = isLink ? reader.text(TEXT_LIMIT_BYTES) : '';
  const isDevice = kind === 'character-device' || kind === 'block-device';
  const deviceMajor = isDevice ? reader.number(ID_LIMIT) : 0;
  const deviceMinor = isDevice ? reader.number(ID_LIMIT) : 0;
  const sizeBytes = content?.kind === 'inline' ? content.bytes.length : (content?.sizeBytes ?? 0);
  const times = { mtimeSec, mtimeNsec };
  const device = { deviceMajor, deviceMinor };
  return {
    header: { kind, path, linkTarget, mode, uid, gid, sizeBytes, ...times, ...device, xattrs },
    content,
  };
}

function readXattrs(reader: ByteReader): ReadonlyMap<string, Uint8Array> {
  const count = reader.number(XATTR_LIMIT);
  if (count === 0) return NO_XATTRS;
  const xattrs = new Map<string, Uint8Array>();
  for (let index = 0; index < count; index += 1) {
    const key = reader.text(TEXT_LIMIT_BYTES);
    xattrs.set(key, Uint8Array.from(reader.bytes(XATTR_VALUE_LIMIT_BYTES)));
  }
  return xattrs;
}

function readContent(
  reader: ByteReader,
  objects: DigestList,
  damaged: (reason: string) => Error,
): FileContent {
  if (reader.number(CONTENT_OBJECT) === CONTENT_INLINE) {
    // Copied: a view would keep the whole chunk in memory as long as the tree lives.
    return { kind: 'inline', bytes: Buffer.from(reader.bytes(INLINE_LIMIT_BYTES)) };
  }
  const sizeBytes = reader.number();
  const digest = objects.at(reader.number(ID_LIMIT));
  if (digest === undefined) throw damaged('a file names an object the record does not have');
  return { kind: 'object', sizeBytes, digest };
}
