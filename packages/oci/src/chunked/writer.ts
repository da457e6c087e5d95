/** Writing of zstd:chunked. */
import { createHash } from 'node:crypto';
import type { ByteStream } from '@slipway/core';
import { digestOf } from '../digest.ts';
import type { Digest } from '../image.ts';
import type { TarEntry } from '../tar/entry.ts';
import { readTarFrom } from '../tar/reader.ts';
import { RecordingCursor } from '../tar/recording-cursor.ts';
import { ChunkCutter } from './content-chunks.ts';
import { Crc64 } from './crc64.ts';
import {
  type BlobPart,
  chunkedAnnotations,
  footerFrame,
  MAX_TOC_BYTES,
  SKIPPABLE_HEADER_BYTES,
  skippableFrame,
} from './format.ts';
import { FrameQueue, packInThread } from './frame-queue.ts';
import { TarSplitWriter } from './tar-split.ts';
import type { TocEntryJson } from './toc.ts';
import { tocEntryOf } from './toc-entry.ts';

/** Options of {@link compressChunked}. */
export interface ChunkedOptions {
  /** Of zstd. Default: 9: files are compressed one by one, and what that costs a higher level gives back. */
  readonly level?: number;
}

/** A layer on its way out. */
export interface ChunkedLayer {
  /** The blob; to be read once. */
  readonly stream: ByteStream;
  /**
   * What the descriptor must carry, once the stream was read to its end. Undefined when a table of contents cannot describe
   * the archive (names that are not UTF-8, one name twice, sparse files): then the blob is an ordinary zstd layer.
   */
  annotations(): Readonly<Record<string, string>> | undefined;
}

const DEFAULT_LEVEL = 9;
/** Lines of the tar-split are compressed when so many are there. */
const TAR_SPLIT_BATCH_BYTES = 4 * 2 ** 20;

/**
 * Packs a tar archive as zstd:chunked: whoever does not know it reads a `tar+zstd` layer with exactly these bytes;
 * whoever does fetches the files it lacks. The same archive and level give the same bytes, with the same zstd.
 *
 * @throws SlipwayError OCI_TAR_INVALID, and what the stream throws
 */
export function compressChunked(archive: ByteStream, options: ChunkedOptions = {}): ChunkedLayer {
  const level = options.level ?? DEFAULT_LEVEL;
  const contents = new TableOfContents(level);
  let annotations: Readonly<Record<string, string>> | undefined;
  async function* stream(): AsyncGenerator<Uint8Array, void, undefined> {
    const frames = new FrameQueue(level);
    yield* writeFrames(archive, frames, contents);
    const tables = await contents.finish(frames.position);
    annotations = tables?.annotations;
    if (tables !== undefined) yield tables.frames;
  }
  return { stream: stream(), annotations: () => annotations };
}

/** Headers and contents in turn, each a frame. */
async function* writeFrames(
  archive: ByteStream,
  frames: FrameQueue,
  contents: TableOfContents,
): AsyncGenerator<Uint8Array, void, undefined> {
  const cursor = new RecordingCursor(archive);
  let headers: Buffer[] = [];
  let padding = 0;
  for await (const entry of readTarFrom(cursor)) {
    const raw = cursor.stop();
    headers.push(raw);
    const before = cursor.position;
    const file = new FileContent(frames);
    for await (const piece of entry.body) {
      if (headers.length > 0) frames.add(Buffer.concat(headers));
      headers = [];
      file.write(piece);
      yield* frames.overdue();
    }
    file.end();
    const isWhole = cursor.position - before === entry.sizeBytes;
    contents.add(raw, padding, isWhole ? entry : undefined, file);
    padding = (512 - (entry.sizeBytes % 512)) % 512;
    await contents.flush();
    yield* frames.overdue();
    cursor.start();
  }
  const end = cursor.stop();
  contents.end(end);
  if (headers.length + end.length > 0) frames.add(Buffer.concat([...headers, end]));
  yield* frames.rest();
}

/** A piece of a file that has its frame. */
interface PlacedChunk {
  readonly atBytes: number;
  readonly sizeBytes: number;
  readonly digest: string;
  startBytes: number;
  endBytes: number;
}

/** The content of one file on its way into frames. */
class FileContent {
  readonly chunks: PlacedChunk[] = [];
  sizeBytes = 0;
  readonly #frames: FrameQueue;
  readonly #hash = createHash('sha256');
  readonly #crc = new Crc64();
  readonly #cutter = new ChunkCutter();
  #held: Uint8Array[] = [];
  #heldBytes = 0;

  constructor(frames: FrameQueue) {
    this.#frames = frames;
  }

  write(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    this.#crc.update(bytes);
    for (let at = 0; at < bytes.length; ) {
      const { taken, ends } = this.#cutter.next(bytes.subarray(at));
      this.#held.push(bytes.subarray(at, at + taken));
      this.#heldBytes += taken;
      at += taken;
      if (ends) this.#endChunk();
    }
  }

  end(): void {
    if (this.#heldBytes > 0) this.#endChunk();
  }

  digests(): { readonly digest: string; readonly checksum: Buffer } | undefined {
    if (this.sizeBytes === 0) return undefined;
    return { digest: `sha256:${this.#hash.digest('hex')}`, checksum: this.#crc.digest() };
  }

  #endChunk(): void {
    const content = Buffer.concat(this.#held, this.#heldBytes);
    const chunk = {
      atBytes: this.sizeBytes,
      sizeBytes: content.length,
      digest: digestOf(content),
      startBytes: 0,
      endBytes: 0,
    };
    this.#frames.add(content, (start, end) => {
      chunk.startBytes = start;
      chunk.endBytes = end;
    });
    this.chunks.push(chunk);
    this.sizeBytes += content.length;
    this.#held = [];
    this.#heldBytes = 0;
  }
}

interface DescribedEntry {
  readonly fields: TocEntryJson;
  readonly digest: string | undefined;
  readonly chunks: readonly PlacedChunk[];
}

/** What stands at the end of the blob: TOC, tar-split, footer. */
class TableOfContents {
  readonly #level: number;
  readonly #tarSplit = new TarSplitWriter();
  readonly #names = new Set<string>();
  #entries: DescribedEntry[] | undefined = [];
  #lines: Buffer[] = [];
  #lineBytes = 0;
  #packedLines: Buffer[] = [];
  #tarSplitBytes = 0;

  constructor(level: number) {
    this.#level = level;
  }

  /** @param entry undefined when it is stored in another form than it has */
  add(raw: Buffer, paddingBytes: number, entry: TarEntry | undefined, file: FileContent): void {
    if (this.#entries === undefined) return;
    const fields = entry === undefined ? undefined : tocEntryOf(raw.subarray(paddingBytes), entry);
    if (fields === undefined || this.#names.has(fields.name)) {
      this.#giveUp();
      return;
    }
    this.#names.add(fields.name);
    const digests = file.digests();
    this.#entries.push({ fields, digest: digests?.digest, chunks: file.chunks });
    this.#addLine(this.#tarSplit.segment(raw));
    this.#addLine(this.#tarSplit.file(fields.name, file.sizeBytes, digests?.checksum));
  }

  /** What follows the last entry. */
  end(raw: Buffer): void {
    if (this.#entries !== undefined && raw.length > 0) this.#addLine(this.#tarSplit.segment(raw));
  }

  /** Compresses lines when there are many: a layer has more of them than should be held. */
  async flush(atLeastBytes: number = TAR_SPLIT_BATCH_BYTES): Promise<void> {
    if (this.#lineBytes < atLeastBytes) return;
    const lines = Buffer.concat(this.#lines.splice(0), this.#lineBytes);
    this.#tarSplitBytes += this.#lineBytes;
    this.#lineBytes = 0;
    this.#packedLines.push(await packInThread(lines, this.#level));
  }

  async finish(
    position: number,
  ): Promise<
    { readonly frames: Buffer; readonly annotations: Readonly<Record<string, string>> } | undefined
  > {
    if (this.#entries === undefined) return undefined;
    await this.flush(1);
    const tarSplitBytes = Buffer.concat(this.#packedLines);
    const plain = Buffer.from(tocJson(this.#entries, digestOf(tarSplitBytes)), 'utf8');
    // Nobody would read it.
    if (plain.length > MAX_TOC_BYTES) return undefined;
    const packed = await packInThread(plain, this.#level);
    const toc: BlobPart = {
      startBytes: position + SKIPPABLE_HEADER_BYTES,
      lengthBytes: packed.length,
      plainBytes: plain.length,
    };
    const tarSplit: BlobPart = {
      startBytes: toc.startBytes + toc.lengthBytes + SKIPPABLE_HEADER_BYTES,
      lengthBytes: tarSplitBytes.length,
      plainBytes: this.#tarSplitBytes,
    };
    return {
      frames: Buffer.concat([
        skippableFrame(packed),
        skippableFrame(tarSplitBytes),
        footerFrame(toc, tarSplit),
      ]),
      annotations: chunkedAnnotations(digestOf(packed), toc, tarSplit),
    };
  }

  #addLine(line: Buffer): void {
    this.#lines.push(line);
    this.#lineBytes += line.length;
  }

  #giveUp(): void {
    this.#entries = undefined;
    this.#lines = [];
    this.#lineBytes = 0;
    this.#packedLines = [];
  }
}

function tocJson(entries: readonly DescribedEntry[], tarSplitDigest: Digest): string {
  const lines: string[] = [];
  for (const entry of entries) {
    for (const fields of tocEntries(entry)) lines.push(JSON.stringify(fields));
  }
  return `{"version":1,"entries":[${lines.join(',')}],"tarSplitDigest":"${tarSplitDigest}"}`;
}

/** A file in several pieces has an entry for each; the first one is that of the file. */
function* tocEntries({ fields, digest, chunks }: DescribedEntry): Generator<TocEntryJson, void, undefined> {
  const [first] = chunks;
  const last = chunks.at(-1);
  if (first === undefined || last === undefined || digest === undefined) {
    yield fields;
    return;
  }
  const place = { digest, offset: first.startBytes, endOffset: last.endBytes };
  const isOne = chunks.length === 1;
  yield { ...fields, ...place, ...(isOne ? {} : { chunkSize: first.sizeBytes, chunkDigest: first.digest }) };
  for (const chunk of chunks.slice(1)) {
    yield {
      type: 'chunk',
      name: fields.name,
      offset: chunk.startBytes,
      chunkSize: chunk.sizeBytes,
      chunkOffset: chunk.atBytes,
      chunkDigest: chunk.digest,
    };
  }
}
