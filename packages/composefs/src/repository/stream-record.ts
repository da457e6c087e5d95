/**
 * The file behind a name in `streams/`: a payload, and what it needs to stay useful. Private to Slipway, version 1.
 *
 * All integers little-endian:
 *
 *     0   8  magic "SlipRec\n"
 *     8   1  version, 1
 *     9   1  length of a digest, 32 or 64
 *     10  2  length of the kind
 *     12  4  number of objects
 *     16  4  length of the stream names
 *     20  4  number of chunks
 *     24     kind (latin1), object digests (raw), stream names (each ended by a newline), chunks
 *
 * A chunk is: length of its bytes (4), length as stored (4), one zstd frame. Nothing follows the last one. Objects and
 * stream names stand outside the compressed part, so garbage collection reads them without knowing any payload.
 */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { chunkSizeFor, messageOf, SlipwayError } from '@slipway/core';
import { isStreamName } from './layout.ts';

const MAGIC = Buffer.from('SlipRec\n', 'latin1');
const VERSION = 1;
const HEADER_BYTES = 24;
const CHUNK_HEADER_BYTES = 8;
/** Longest chunk, before compression: what a reader is ready to hold. */
export const RECORD_CHUNK_LIMIT_BYTES: number = 16 * 1024 * 1024;
/** Longest record read back. */
export const RECORD_LIMIT_BYTES: number = 1024 * 1024 * 1024;

/** Raw digests, one after the other: an array of them, or something smaller. */
export interface DigestList extends Iterable<Uint8Array> {
  readonly length: number;
  /** One of them, counted from 0. */
  at(index: number): Uint8Array | undefined;
}

/** What a record says, once its outer form was checked. */
export interface StreamRecord {
  /** What the payload is: `oci-layer/1`, `oci-manifest/1`. */
  readonly kind: string;
  /** Of the objects it keeps alive. */
  readonly objects: DigestList;
  /** Names of the streams it keeps alive. */
  readonly streams: readonly string[];
  /** The payload, in the chunks it was written; decompressed one by one as they are asked for. */
  payload(): Iterable<Buffer>;
}

/** What to record. Chunks are compressed by {@link compressChunk} as they come, so a long payload is never held whole. */
export interface StreamContent {
  readonly kind: string;
  readonly objects: DigestList;
  readonly streams: readonly string[];
  readonly chunks: readonly RecordChunk[];
}

/** A piece of payload, compressed. */
export interface RecordChunk {
  readonly rawBytes: number;
  readonly frame: Buffer;
}

/** Compresses a piece of payload of at most {@link RECORD_CHUNK_LIMIT_BYTES}. */
export function compressChunk(bytes: Uint8Array): RecordChunk {
  const params = { [constants.ZSTD_c_compressionLevel]: 3 };
  return { rawBytes: bytes.length, frame: zstdCompressSync(bytes, { params }) };
}

/** The bytes of a record. `digestBytes` is the length of the digests of the repository. */
export function writeRecord(content: StreamContent, digestBytes: 32 | 64): Buffer {
  const kind = Buffer.from(content.kind, 'latin1');
  const names = Buffer.from(content.streams.map((name) => `${name}\n`).join(''), 'latin1');
  const header = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(header, 0);
  header.writeUInt8(VERSION, 8);
  header.writeUInt8(digestBytes, 9);
  header.writeUInt16LE(kind.length, 10);
  header.writeUInt32LE(content.objects.length, 12);
  header.writeUInt32LE(names.length, 16);
  header.writeUInt32LE(content.chunks.length, 20);
  let lengthBytes = header.length + kind.length + content.objects.length * digestBytes + names.length;
  for (const { frame } of content.chunks) lengthBytes += CHUNK_HEADER_BYTES + frame.length;
  // Memory of its own, which can be given to another thread.
  const record = Buffer.allocUnsafeSlow(lengthBytes);
  let at = 0;
  const put = (bytes: Uint8Array): void => {
    record.set(bytes, at);
    at += bytes.length;
  };
  put(header);
  put(kind);
  for (const digest of content.objects) put(digest);
  put(names);
  for (const { rawBytes, frame } of content.chunks) {
    record.writeUInt32LE(rawBytes, at);
    record.writeUInt32LE(frame.length, at + 4);
    at += CHUNK_HEADER_BYTES;
    put(frame);
  }
  return record;
}

/**
 * Reads a record; every length is checked against the bytes there are before anything is made from it.
 *
 * @returns undefined when the bytes are no record at all (another program's stream)
 * @throws SlipwayError REPOSITORY_INVALID when it is one, but damaged or of a newer version
 */
export function readRecord(bytes: Buffer, digestBytes: 32 | 64, name: string): StreamRecord | undefined {
  if (bytes.length < HEADER_BYTES || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  const version = bytes.readUInt8(8);
  if (version !== VERSION) throw damaged(name, `version ${version} is not ${VERSION}`);
  if (bytes.readUInt8(9) !== digestBytes) throw damaged(name, 'its digests are of another algorithm');
  const cursor = new Cursor(bytes, HEADER_BYTES, name);
  const kind = cursor.take(bytes.readUInt16LE(10)).toString('latin1');
  const digests = cursor.take(bytes.readUInt32LE(12) * digestBytes);
  const streams = parseNames(cursor.take(bytes.readUInt32LE(16)).toString('latin1'), name);
  const chunks = takeChunks(cursor, bytes.readUInt32LE(20));
  return {
    kind,
    objects: new PackedDigests(digests, digestBytes),
    streams,
    *payload() {
      for (const chunk of chunks) yield decompress(chunk, name);
    },
  };
}

function takeChunks(cursor: Cursor, count: number): readonly RecordChunk[] {
  const chunks: RecordChunk[] = [];
  for (let index = 0; index < count; index += 1) {
    const header = cursor.take(CHUNK_HEADER_BYTES);
    const rawBytes = header.readUInt32LE(0);
    if (rawBytes > RECORD_CHUNK_LIMIT_BYTES) throw cursor.damaged(`a chunk has ${rawBytes} bytes`);
    chunks.push({ rawBytes, frame: cursor.take(header.readUInt32LE(4)) });
  }
  cursor.end();
  return chunks;
}

function decompress(chunk: RecordChunk, name: string): Buffer {
  let bytes: Buffer;
  try {
    bytes = zstdDecompressSync(chunk.frame, {
      maxOutputLength: Math.max(chunk.rawBytes, 1),
      chunkSize: chunkSizeFor(chunk.rawBytes),
    });
  } catch (cause) {
    throw damaged(name, messageOf(cause), cause);
  }
  if (bytes.length !== chunk.rawBytes) throw damaged(name, 'a chunk is shorter than it says');
  return bytes;
}

/** Digests where they stand in a record: a buffer for each of a million would be four times as large. */
class PackedDigests implements DigestList {
  readonly #bytes: Buffer;
  readonly #digestBytes: number;

  constructor(bytes: Buffer, digestBytes: number) {
    this.#bytes = bytes;
    this.#digestBytes = digestBytes;
  }

  get length(): number {
    return this.#bytes.length / this.#digestBytes;
  }

  at(index: number): Buffer | undefined {
    if (index >= this.length) return undefined;
    const start = index * this.#digestBytes;
    return this.#bytes.subarray(start, start + this.#digestBytes);
  }

  *[Symbol.iterator](): Generator<Buffer, void, undefined> {
    for (let at = 0; at < this.#bytes.length; at += this.#digestBytes)
      yield this.#bytes.subarray(at, at + this.#digestBytes);
  }
}

function parseNames(text: string, name: string): readonly string[] {
  if (text === '') return [];
  if (!text.endsWith('\n')) throw damaged(name, 'a stream name has no end');
  const names = text.slice(0, -1).split('\n');
  const bad = names.find((stream) => !isStreamName(stream));
  if (bad !== undefined) throw damaged(name, `${JSON.stringify(bad.slice(0, 80))} is no stream name`);
  return names;
}

/** Takes pieces off a buffer, never past its end. */
class Cursor {
  readonly #bytes: Buffer;
  readonly #name: string;
  #at: number;

  constructor(bytes: Buffer, at: number, name: string) {
    this.#bytes = bytes;
    this.#at = at;
    this.#name = name;
  }

  take(count: number): Buffer {
    if (count > this.#bytes.length - this.#at) throw this.damaged('it ends early');
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw this.damaged('bytes follow its end');
  }

  damaged(reason: string): SlipwayError {
    return damaged(this.#name, reason);
  }
}

function damaged(name: string, reason: string, cause?: unknown): SlipwayError {
  return new SlipwayError('REPOSITORY_INVALID', `cannot read the record ${name}: ${reason}`, {
    hint: 'remove it and pull the image again',
    details: { stream: name },
    cause,
  });
}
