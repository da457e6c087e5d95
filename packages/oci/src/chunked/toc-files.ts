/** What a table of contents says of files. */
import { FIRST_ROOM, freeBytes, grown, SlipwayError } from '@slipway/core';
import type { Digest } from '../image.ts';

/** A piece of a file's content: a frame, or member, of its own. */
export interface TocChunk {
  /** Where it begins in the blob. */
  readonly startBytes: number;
  /** Where it ends; undefined where the TOC does not say: in eStargz, the last one of a file, which other things may follow. */
  readonly endBytes: number | undefined;
  /** Length of the content. */
  readonly sizeBytes: number;
  /** Of the content; undefined: only the file's is known. */
  readonly digest: Digest | undefined;
  /** Nothing but zeros: need not be fetched. */
  readonly isZeros: boolean;
}

/** A file with content. */
export interface TocFile {
  /** Bytes, as in the archive. */
  readonly name: string;
  readonly sizeBytes: number;
  readonly digest: Digest;
  readonly chunks: readonly TocChunk[];
}

/** Files, one after the other. Disposing of them gives their memory back at once. */
export interface TocFileList extends Iterable<TocFile>, Disposable {
  readonly length: number;
}

/** Of a layer nothing is known about. */
export const NO_FILES: TocFileList = {
  length: 0,
  [Symbol.iterator]: () => Iterator.from<TocFile>([]),
  [Symbol.dispose]: () => undefined,
};

const SHA256 = 'sha256:';
const SHA256_BYTES = 32;
const FIRST_BYTES = 64 * 1024;
/** Positions of names and digests are kept in 32 bits. */
const MOST_BYTES = 2 ** 32;
const NO_DIGEST = 2 ** 32 - 1;
const NO_END = -1;

/**
 * Files in some hundred bytes each: names and digests lie one after the other, numbers in columns. Hundreds of thousands of objects with
 * strings in them would take four times as much. What is asked for is made anew each time.
 */
export class TocFiles implements TocFileList {
  readonly #bytes = new TextArena();
  #count = 0;
  /** Where each name begins; its digest follows. */
  #name = new Uint32Array(FIRST_ROOM);
  #nameBytes = new Uint32Array(FIRST_ROOM);
  #sizeBytes = new Float64Array(FIRST_ROOM);
  /** One more than there are files: where the chunks of the next one begin. */
  #firstChunk = new Uint32Array(FIRST_ROOM);
  #chunkStart = new Float64Array(FIRST_ROOM);
  #chunkEnd = new Float64Array(FIRST_ROOM);
  #chunkSize = new Float64Array(FIRST_ROOM);
  #chunkDigest = new Uint32Array(FIRST_ROOM);
  #chunkIsZeros = new Uint8Array(FIRST_ROOM);
  #chunks = 0;
  /** Numbers of files in the order of the blob, where that is not the order they came in. */
  #order: Uint32Array | undefined;
  #isInOrder = true;

  get length(): number {
    return this.#count;
  }

  add(file: TocFile): void {
    const number = this.#count;
    if (number + 1 >= this.#name.length) this.#growFiles();
    this.#name[number] = this.#bytes.addName(file.name);
    this.#nameBytes[number] = file.name.length;
    const digestAt = this.#bytes.addDigest(file.digest);
    this.#sizeBytes[number] = file.sizeBytes;
    for (const chunk of file.chunks) this.#addChunk(chunk, file.digest, digestAt);
    this.#count += 1;
    this.#firstChunk[this.#count] = this.#chunks;
    this.#isInOrder &&= number === 0 || this.#startOf(number - 1) <= this.#startOf(number);
  }

  /** Puts them in the order of the blob; those that begin at the same place stay as they came. */
  sort(): void {
    if (this.#isInOrder) return;
    const order = Uint32Array.from({ length: this.#count }, (_, number) => number);
    this.#order = order.sort((a, b) => this.#startOf(a) - this.#startOf(b) || a - b);
  }

  *[Symbol.iterator](): Generator<TocFile, void, undefined> {
    for (let place = 0; place < this.#count; place += 1) yield this.#file(this.#order?.[place] ?? place);
  }

  [Symbol.dispose](): void {
    this.#bytes[Symbol.dispose]();
    this.#count = 0;
    for (const column of [
      this.#name,
      this.#nameBytes,
      this.#sizeBytes,
      this.#firstChunk,
      this.#chunkStart,
      this.#chunkEnd,
      this.#chunkSize,
      this.#chunkDigest,
      this.#chunkIsZeros,
    ])
      freeBytes(column);
  }

  #file(number: number): TocFile {
    const [nameAt, nameBytes] = [this.#name[number] ?? 0, this.#nameBytes[number] ?? 0];
    const digestAt = nameAt + nameBytes;
    const digest = this.#bytes.digest(digestAt);
    const chunks: TocChunk[] = [];
    const end = this.#firstChunk[number + 1] ?? 0;
    for (let chunk = this.#firstChunk[number] ?? 0; chunk < end; chunk += 1) {
      const own = this.#chunkDigest[chunk] ?? NO_DIGEST;
      const endBytes = this.#chunkEnd[chunk] ?? NO_END;
      chunks.push({
        startBytes: this.#chunkStart[chunk] ?? 0,
        endBytes: endBytes === NO_END ? undefined : endBytes,
        sizeBytes: this.#chunkSize[chunk] ?? 0,
        digest: own === NO_DIGEST ? undefined : own === digestAt ? digest : this.#bytes.digest(own),
        isZeros: this.#chunkIsZeros[chunk] === 1,
      });
    }
    const name = this.#bytes.name(nameAt, nameBytes);
    return { name, sizeBytes: this.#sizeBytes[number] ?? 0, digest, chunks };
  }

  /** @param wholeAt where the digest of the file is: a chunk that is all of it has the same */
  #addChunk(chunk: TocChunk, whole: Digest, wholeAt: number): void {
    const at = this.#chunks;
    if (at === this.#chunkStart.length) this.#growChunks();
    this.#chunkStart[at] = chunk.startBytes;
    this.#chunkEnd[at] = chunk.endBytes ?? NO_END;
    this.#chunkSize[at] = chunk.sizeBytes;
    this.#chunkIsZeros[at] = chunk.isZeros ? 1 : 0;
    if (chunk.digest === undefined) this.#chunkDigest[at] = NO_DIGEST;
    else if (chunk.digest === whole) this.#chunkDigest[at] = wholeAt;
    else this.#chunkDigest[at] = this.#bytes.addDigest(chunk.digest);
    this.#chunks += 1;
  }

  #startOf(number: number): number {
    return this.#chunkStart[this.#firstChunk[number] ?? 0] ?? 0;
  }

  #growFiles(): void {
    this.#name = grown(this.#name);
    this.#nameBytes = grown(this.#nameBytes);
    this.#sizeBytes = grown(this.#sizeBytes);
    this.#firstChunk = grown(this.#firstChunk);
  }

  #growChunks(): void {
    this.#chunkStart = grown(this.#chunkStart);
    this.#chunkEnd = grown(this.#chunkEnd);
    this.#chunkSize = grown(this.#chunkSize);
    this.#chunkDigest = grown(this.#chunkDigest);
    this.#chunkIsZeros = grown(this.#chunkIsZeros);
  }
}

/** Names and digests, one after the other. */
class TextArena implements Disposable {
  #bytes = new Uint8Array(FIRST_BYTES);
  #buffer = Buffer.from(this.#bytes.buffer);
  #end = 0;

  [Symbol.dispose](): void {
    freeBytes(this.#bytes);
  }

  addName(name: string): number {
    const at = this.#reserve(name.length);
    this.#buffer.write(name, at, 'latin1');
    return at;
  }

  name(at: number, lengthBytes: number): string {
    return this.#buffer.toString('latin1', at, at + lengthBytes);
  }

  /** One byte says what follows: the raw bytes of a SHA-256, or so many of text. */
  addDigest(digest: Digest): number {
    const isSha256 = digest.startsWith(SHA256);
    const lengthBytes = isSha256 ? SHA256_BYTES : digest.length;
    const at = this.#reserve(1 + lengthBytes);
    this.#buffer[at] = lengthBytes;
    if (isSha256) this.#buffer.write(digest.slice(SHA256.length), at + 1, 'hex');
    else this.#buffer.write(digest, at + 1, 'latin1');
    return at;
  }

  digest(at: number): Digest {
    const lengthBytes = this.#buffer[at] ?? 0;
    const end = at + 1 + lengthBytes;
    if (lengthBytes !== SHA256_BYTES) return this.#buffer.toString('latin1', at + 1, end) as Digest;
    return `${SHA256}${this.#buffer.toString('hex', at + 1, end)}` as Digest;
  }

  #reserve(lengthBytes: number): number {
    const at = this.#end;
    this.#end += lengthBytes;
    if (this.#end > MOST_BYTES) {
      throw new SlipwayError(
        'OCI_CHUNKED_INVALID',
        'cannot use the table of contents of a layer: its names are too long together',
      );
    }
    while (this.#end > this.#bytes.length) {
      this.#bytes = grown(this.#bytes);
      this.#buffer = Buffer.from(this.#bytes.buffer);
    }
    return at;
  }
}
