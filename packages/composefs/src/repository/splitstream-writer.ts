/** Writing composefs-rs' streams of documents: manifests and configurations, whose content is one object (splitstream.ts). */
import { zstdCompressSync } from 'node:zlib';
import {
  SPLITSTREAM_HEADER_BYTES,
  SPLITSTREAM_INFO_BYTES,
  SPLITSTREAM_MAGIC,
  VERITY_LOG_BLOCK,
} from './splitstream.ts';

/** A document and what it keeps alive. */
export interface DocumentStream {
  /** Eight letters: `ocimanif`, `ociconfg`. */
  readonly contentType: 'ocimanif' | 'ociconfg';
  /** Digest of the object that is the document, lower-case hex. */
  readonly object: string;
  readonly sizeBytes: number;
  /** Digests of streams and images by the names it has for them. */
  readonly named: ReadonlyMap<string, string>;
}

/** The bytes of such a stream. The digests are of the repository's algorithm, which their length tells. */
export function writeDocumentStream({ contentType, object, sizeBytes, named }: DocumentStream): Buffer {
  const digest = Buffer.from(object, 'hex');
  const ordered = [...named].toSorted(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const references = [...new Set(ordered.map(([, reference]) => reference))];
  const names = ordered.map(([name, reference]) => `${references.indexOf(reference)}:${name}\0`).join('');
  const sections = [
    Buffer.from(references.join(''), 'hex'),
    digest,
    zstdCompressSync(Buffer.from(names, 'utf8')),
    // One chunk: the first object.
    zstdCompressSync(Buffer.alloc(8)),
  ] as const;
  const info = Buffer.alloc(SPLITSTREAM_INFO_BYTES);
  const infoEnd = SPLITSTREAM_HEADER_BYTES + SPLITSTREAM_INFO_BYTES;
  let at = infoEnd;
  // The named references stand before the content and are written down after it.
  for (const [index, where] of [0, 16, 48, 32].entries()) {
    const end = at + (sections[index]?.length ?? 0);
    writeRange(info, where, at, end);
    at = end;
  }
  info.write(contentType, 64, 'latin1');
  info.writeBigUInt64LE(BigInt(sizeBytes), 72);
  return Buffer.concat([headerOf(digest.length === 32 ? 1 : 2, infoEnd), info, ...sections]);
}

function headerOf(algorithm: 1 | 2, infoEnd: number): Buffer {
  const header = Buffer.alloc(SPLITSTREAM_HEADER_BYTES);
  SPLITSTREAM_MAGIC.copy(header, 0);
  header.writeUInt8(algorithm, 14);
  header.writeUInt8(VERITY_LOG_BLOCK, 15);
  writeRange(header, 16, SPLITSTREAM_HEADER_BYTES, infoEnd);
  return header;
}

function writeRange(into: Buffer, at: number, start: number, end: number): void {
  into.writeBigUInt64LE(BigInt(start), at);
  into.writeBigUInt64LE(BigInt(end), at + 8);
}
