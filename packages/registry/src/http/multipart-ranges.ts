/** Several ranges in one answer (RFC 9110, section 14.6). */
import { randomBytes } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { RegistryFailure } from '../failure.ts';
import type { ByteRange } from './ranges.ts';

const READ_BYTES = 1 << 18;

/** What `Content-Range` says of a range. */
export function contentRange({ first, last }: ByteRange, sizeBytes: number): string {
  return `bytes ${first}-${last}/${sizeBytes}`;
}

/** The body of an answer with several ranges of one file. */
export class MultipartRanges {
  readonly contentType: string;
  /** Of the body, with what stands around the parts. */
  readonly lengthBytes: number;
  readonly #parts: readonly { readonly header: Buffer; readonly range: ByteRange }[];
  readonly #end: Buffer;

  /** @param sizeBytes of the whole file */
  constructor(ranges: readonly ByteRange[], sizeBytes: number) {
    // By chance, so that no content has it: some clients look for it.
    const boundary = randomBytes(16).toString('hex');
    this.contentType = `multipart/byteranges; boundary=${boundary}`;
    this.#parts = ranges.map((range) => ({ range, header: headerOf(boundary, range, sizeBytes) }));
    this.#end = Buffer.from(`\r\n--${boundary}--\r\n`, 'latin1');
    this.lengthBytes = this.#parts.reduce(
      (sum, { header, range }) => sum + header.length + range.last - range.first + 1,
      this.#end.length,
    );
  }

  /** @throws RegistryFailure when the file has become shorter */
  async *read(file: FileHandle): AsyncGenerator<Uint8Array, void, undefined> {
    for (const { header, range } of this.#parts) {
      for (let at = range.first; at <= range.last; at += READ_BYTES) {
        const bytes = await readExactly(file, at, Math.min(READ_BYTES, range.last - at + 1));
        // Short parts go out with what stands before them.
        yield at === range.first ? Buffer.concat([header, bytes]) : bytes;
      }
    }
    yield this.#end;
  }
}

function headerOf(boundary: string, range: ByteRange, sizeBytes: number): Buffer {
  const fields = `content-type: application/octet-stream\r\ncontent-range: ${contentRange(range, sizeBytes)}`;
  return Buffer.from(`\r\n--${boundary}\r\n${fields}\r\n\r\n`, 'latin1');
}

/** Not by a stream for each part: every one leaves a listener on the file. */
async function readExactly(file: FileHandle, startBytes: number, lengthBytes: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(lengthBytes);
  for (let filled = 0; filled < lengthBytes; ) {
    const { bytesRead } = await file.read(bytes, filled, lengthBytes - filled, startBytes + filled);
    if (bytesRead === 0) throw new RegistryFailure('BLOB_UNKNOWN', 'the blob has become shorter');
    filled += bytesRead;
  }
  return bytes;
}
