/** The table of contents: JSON, the same in zstd:chunked and eStargz (CRFS). */
import { type ByteStream, SlipwayError } from '@slipway/core';
import { isDigest } from '../digest.ts';
import type { Digest } from '../image.ts';
import { JsonScanner, ScanProblem } from './json-scanner.ts';
import { bytesOfText } from './name-bytes.ts';
import { type TocChunk, type TocFile, TocFiles } from './toc-files.ts';

/** One entry as it is written; times as RFC 3339 with nanoseconds, attributes in base64. */
export interface TocEntryJson {
  readonly type: string;
  readonly name: string;
  readonly linkName?: string;
  readonly mode?: number;
  readonly size?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly modtime?: string;
  readonly accesstime?: string;
  readonly changetime?: string;
  readonly devMajor?: number;
  readonly devMinor?: number;
  readonly xattrs?: Readonly<Record<string, string>>;
  readonly digest?: string;
  readonly offset?: number;
  readonly endOffset?: number;
  readonly chunkSize?: number;
  readonly chunkOffset?: number;
  readonly chunkDigest?: string;
  readonly chunkType?: string;
}

/** What partial pulls need of a TOC: where contents are. Everything else is in the archive itself. */
export interface Toc {
  /** In the order of the blob. */
  readonly files: TocFiles;
  /** zstd:chunked: digest of the tar-split, as stored. */
  readonly tarSplitDigest: Digest | undefined;
}

/** Entries of a layer; as many as an image may have. */
const MAX_ENTRIES = 10_000_000;
/** Contents of a layer together: as much as any layer may unpack to. */
const MAX_CONTENT_BYTES = 64 * 2 ** 30;

/**
 * Reads a TOC. It is as hostile as the image, even when its digest is right.
 *
 * @param blobBytes no content lies outside the blob
 * @throws SlipwayError OCI_CHUNKED_INVALID
 */
export function parseToc(bytes: Uint8Array, blobBytes: number): Toc {
  const reader = new TocReader();
  reader.push(bytes);
  return reader.end(blobBytes);
}

/**
 * Reads a TOC as it comes: hundreds of thousands of entries, of which only those of files stay in memory, packed, and of them only what
 * is in {@link TocFile}.
 *
 * @param blobBytes no content lies outside the blob
 * @throws SlipwayError OCI_CHUNKED_INVALID; whatever the stream itself throws
 */
export async function readToc(stream: ByteStream, blobBytes: number): Promise<Toc> {
  const reader = new TocReader();
  for await (const chunk of stream) reader.push(chunk);
  return reader.end(blobBytes);
}

type Json = Readonly<Record<string, unknown>>;

/** A piece of a file's content, as an entry says it. */
interface Piece {
  readonly startBytes: number;
  /** Where it begins in the content. */
  readonly at: number;
  /** 0: not said. */
  readonly lengthBytes: number;
  readonly digest: Digest | undefined;
  readonly isZeros: boolean;
}

/** A file whose pieces are still coming. */
interface OpenFile {
  readonly name: string;
  readonly sizeBytes: number;
  readonly digest: Digest;
  /** 0: not said. */
  readonly endBytes: number;
  readonly pieces: Piece[];
}

class TocReader {
  readonly #files = new TocFiles();
  readonly #scanner = new JsonScanner('entries', {
    element: (value) => this.#entry(value),
    member: (name, value) => this.#member(name, value),
  });
  #entries = 0;
  #contentBytes = 0;
  #version: unknown;
  #tarSplitDigest: Digest | undefined;
  /** The file that pieces belong to; undefined where the entry before them is none with content. */
  #open: OpenFile | undefined;

  push(chunk: Uint8Array): void {
    scanning(() => this.#scanner.push(chunk));
  }

  end(blobBytes: number): Toc {
    const hasList = scanning(() => this.#scanner.end());
    if (this.#version !== 1) throw invalid('its version is not 1');
    if (!hasList) throw invalid('it has no list of entries');
    this.#close();
    const files = this.#files;
    files.sort();
    checkOrder(files, blobBytes);
    return { files, tarSplitDigest: this.#tarSplitDigest };
  }

  #member(name: string, value: unknown): void {
    if (name === 'version') this.#version = value;
    if (name === 'entries') throw invalid('it has no list of entries');
    if (name === 'tarSplitDigest')
      this.#tarSplitDigest = typeof value === 'string' && isDigest(value) ? value : undefined;
  }

  #entry(value: unknown): void {
    this.#entries += 1;
    if (this.#entries > MAX_ENTRIES) throw invalid(`it has more than ${MAX_ENTRIES} entries`);
    if (typeof value !== 'object' || value === null) throw invalid('an entry is not an object');
    const entry = value as Json;
    if (entry['type'] === 'chunk') {
      if (this.#open === undefined) throw invalid('a piece belongs to no file');
      this.#open.pieces.push(pieceOf(entry, count(entry, 'chunkOffset'), undefined));
      return;
    }
    this.#close();
    this.#open = entry['type'] === 'reg' ? openFile(entry) : undefined;
  }

  /** Ends the file whose last piece has come. */
  #close(): void {
    if (this.#open === undefined) return;
    this.#files.add(fileOf(this.#open));
    this.#contentBytes += this.#open.sizeBytes;
    if (this.#contentBytes > MAX_CONTENT_BYTES)
      throw invalid(`its files have more than ${MAX_CONTENT_BYTES} bytes`);
    this.#open = undefined;
  }
}

function scanning<T>(scan: () => T): T {
  try {
    return scan();
  } catch (problem) {
    if (problem instanceof ScanProblem) throw invalid(problem.message, problem.cause);
    throw problem;
  }
}

/** Undefined when the file is empty, or has no digest and so can never be found in a store. */
function openFile(entry: Json): OpenFile | undefined {
  const sizeBytes = count(entry, 'size');
  const { name, digest } = entry;
  if (sizeBytes === 0 || typeof digest !== 'string') return undefined;
  if (typeof name !== 'string' || !isDigest(digest)) throw invalid('a file has no name or no valid digest');
  return {
    name: bytesOfText(name),
    sizeBytes,
    digest,
    endBytes: count(entry, 'endOffset'),
    pieces: [pieceOf(entry, 0, digest)],
  };
}

/** @param whole of the file: a digest that is the same is kept once */
function pieceOf(entry: Json, at: number, whole: Digest | undefined): Piece {
  const own = entry['chunkDigest'];
  const digest = typeof own === 'string' && isDigest(own) ? own : undefined;
  return {
    startBytes: count(entry, 'offset'),
    at,
    lengthBytes: count(entry, 'chunkSize'),
    digest: digest === whole ? whole : digest,
    isZeros: entry['chunkType'] === 'zeros',
  };
}

function fileOf({ name, sizeBytes, digest, endBytes, pieces }: OpenFile): TocFile {
  const chunks = pieces.map((piece, index) => {
    const next = pieces[index + 1];
    return chunkOf(piece, {
      sizeBytes: (next?.at ?? sizeBytes) - piece.at,
      endBytes: next === undefined ? (endBytes === 0 ? undefined : endBytes) : next.startBytes,
      digest: pieces.length === 1 ? digest : undefined,
    });
  });
  return { name, sizeBytes, digest, chunks };
}

function chunkOf(
  { startBytes, lengthBytes, digest, isZeros }: Piece,
  known: Pick<TocChunk, 'sizeBytes' | 'endBytes' | 'digest'>,
): TocChunk {
  const { sizeBytes, endBytes } = known;
  const isOrdered = sizeBytes > 0 && (endBytes === undefined || endBytes > startBytes);
  if (!isOrdered || (lengthBytes !== 0 && lengthBytes !== sizeBytes))
    throw invalid('the pieces of a file do not fit');
  return { startBytes, endBytes, sizeBytes, digest: digest ?? known.digest, isZeros };
}

function checkOrder(files: TocFiles, blobBytes: number): void {
  let end = 0;
  for (const { chunks } of files) {
    for (const chunk of chunks) {
      if (chunk.startBytes < end) throw invalid('contents of files overlap');
      end = chunk.endBytes ?? chunk.startBytes + 1;
    }
    if (end > blobBytes) throw invalid('the content of a file lies outside the layer');
  }
}

/** A whole number that may be left out when it is 0. */
function count(json: Json, key: string): number {
  const value = json[key] ?? 0;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw invalid(`the ${key} of an entry is not a whole number`);
}

function invalid(problem: string, cause?: unknown): SlipwayError {
  return new SlipwayError('OCI_CHUNKED_INVALID', `cannot use the table of contents of a layer: ${problem}`, {
    cause,
  });
}
