/** Reading of zstd:chunked and eStargz: the archive of a layer, of which only a part is fetched. */
import { type ByteStream, copiedInPieces, isSlipwayError, SlipwayError } from '@slipway/core';
import { checkHashed, DigestHasher, digestAlgorithm } from '../digest.ts';
import type { BlobRange, Descriptor, Digest, ImageSource, ResolvedImage } from '../image.ts';
import { decompress } from '../layer/decompress.ts';
import { ChunkCursor } from '../tar/chunk-cursor.ts';
import { readTar } from '../tar/reader.ts';
import { assembleArchive, assembleFiles } from './assemble.ts';
import {
  type FetchRangesOptions,
  fetchParts,
  fetchRanges,
  isPartial,
  type PartialSource,
  streamParts,
} from './fetch-ranges.ts';
import {
  type ChunkedInfo,
  chunkedInfo,
  MAX_TOC_BYTES,
  parseStargzFooter,
  SKIPPABLE_HEADER_BYTES,
  STARGZ_FOOTER_BYTES,
  STARGZ_TOC_NAME,
} from './format.ts';
import type { KnownContent } from './known-content.ts';
import { type ArchivePart, lengthOf, planArchive, planFiles } from './plan.ts';
import { readTarSplit } from './tar-split.ts';
import { readToc, type Toc } from './toc.ts';
import { NO_FILES, type TocFileList } from './toc-files.ts';

/** A layer of which a part need not be fetched. */
export interface PartialLayer {
  /**
   * The archive, to be read once, NOT verified: `unpackLayer` compares it with what the image's configuration says. Only that
   * says that it is right, whatever the table of contents said. A chunk is good until the next one is asked for.
   */
  readonly archive: ByteStream;
  /** Bytes of the blob that are to be fetched, of all it has. */
  readonly wantedBytes: number;
  /** Files whose digests, and those of their pieces, are right once the archive was read to its end. Whoever opened the layer disposes of them. */
  readonly files: TocFileList;
}

/** Compressed tar-splits of any real layer are a fraction of this; they are held in memory. */
const MAX_PACKED_TAR_SPLIT_BYTES = 64 * 2 ** 20;
/** Short pieces go to the decompressor together. */
const PACKED_BYTES = 128 * 1024;
/** When more than nine tenths must be fetched, the whole layer is fetched: in one stream, which can be resumed. */
const WORTHWHILE = 0.9;

/**
 * Begins to read a layer partially: fetches its table of contents, verifies it, plans. Undefined when the layer is an
 * ordinary one, nothing is known, the source is no registry, or too little would be saved.
 *
 * @param load finds out what is here; asked only when the layer can be fetched in parts
 * @throws SlipwayError OCI_CHUNKED_INVALID, OCI_DIGEST_MISMATCH, OCI_COMPRESSION_INVALID when the table of contents is wrong,
 *   OCI_RANGES_UNSUPPORTED, and what the source throws: the whole layer may be fine
 */
export async function openPartialLayer(
  source: ImageSource,
  image: ResolvedImage,
  index: number,
  load: () => Promise<KnownContent>,
  options: FetchRangesOptions = {},
): Promise<PartialLayer | undefined> {
  const descriptor = image.manifest.layers[index];
  if (descriptor === undefined || !isPartial(source)) return undefined;
  const info = chunkedInfo(descriptor);
  if (info === undefined) return undefined;
  const known = await load();
  if (known.isEmpty) return undefined;
  const job: Job = {
    source,
    descriptor,
    options,
    what: `the archive in layer ${index + 1} of ${source.name}`,
  };
  const tables = await (info.kind === 'zstd' ? zstdTables(job, info) : stargzTables(job, info));
  const plan = planLayer(job, tables, known);
  if (plan.wantedBytes > descriptor.size * WORTHWHILE) return undefined;
  return {
    archive: plan.archive(),
    wantedBytes: plan.wantedBytes,
    files: plan.files,
  };
}

interface Job {
  readonly source: PartialSource;
  readonly descriptor: Descriptor;
  readonly options: FetchRangesOptions;
  readonly what: string;
}

/** What stands at the end of a blob, verified. */
interface Tables {
  readonly toc: Toc;
  readonly tarSplit: (() => ByteStream) | undefined;
  /** Where the archive ends in the blob. */
  readonly endBytes: number;
}

async function zstdTables(job: Job, info: ChunkedInfo & { readonly kind: 'zstd' }): Promise<Tables> {
  const { toc: part, tarSplit: split } = info;
  const tarSplit = split !== undefined && split.lengthBytes <= MAX_PACKED_TAR_SPLIT_BYTES ? split : undefined;
  if (part.lengthBytes > MAX_TOC_BYTES) throw invalid('its table of contents is too long');
  const tocEnd = part.startBytes + part.lengthBytes;
  // Mostly they are neighbours, and one request brings both.
  const isNear =
    tarSplit !== undefined && tarSplit.startBytes >= tocEnd && tarSplit.startBytes - tocEnd <= 4096;
  const end = isNear ? tarSplit.startBytes + tarSplit.lengthBytes : tocEnd;
  const arriving = new ChunkCursor(streamPart(job, part.startBytes, end));
  try {
    const toc = await zstdToc(job, info, arriving);
    const endBytes = part.startBytes - SKIPPABLE_HEADER_BYTES;
    if (tarSplit === undefined || toc.tarSplitDigest === undefined)
      return { toc, tarSplit: undefined, endBytes };
    const lines = isNear
      ? await takeAfter(arriving, tarSplit.startBytes - tocEnd, tarSplit.lengthBytes)
      : await fetchPart(job, tarSplit.startBytes, tarSplit.startBytes + tarSplit.lengthBytes);
    verify(lines, toc.tarSplitDigest, `the tar-split of a layer of ${job.source.name}`);
    return { toc, tarSplit: () => unpackTarSplit(job, lines, tarSplit.plainBytes), endBytes };
  } finally {
    await arriving.close();
  }
}

/** Memory of its own: what arrived may be a part of something larger, or be taken back. */
async function takeAfter(arriving: ChunkCursor, skipBytes: number, lengthBytes: number): Promise<Buffer> {
  await arriving.skip(skipBytes);
  return Buffer.from(await arriving.take(lengthBytes));
}

function unpackTarSplit({ source }: Job, lines: Uint8Array, limitBytes: number): ByteStream {
  return decompress(once(lines), {
    what: `the tar-split of ${source.name}`,
    limitBytes,
    reuseChunks: true,
  });
}

async function stargzTables(job: Job, { tocDigest }: ChunkedInfo): Promise<Tables> {
  const { size } = job.descriptor;
  const footerStart = size - STARGZ_FOOTER_BYTES;
  const footer = footerStart > 0 ? await fetchPart(job, footerStart, size) : Buffer.alloc(0);
  const start = parseStargzFooter(Buffer.from(footer));
  if (start === undefined || start >= footerStart || footerStart - start > MAX_TOC_BYTES) {
    throw invalid('it has no footer of eStargz');
  }
  const packed = await fetchPart(job, start, footerStart);
  const hasher = new DigestHasher(digestAlgorithm(tocDigest));
  const toc = await stargzToc(packed, size, hasher);
  checkHashed(hasher, tocDigest, undefined, tableOf(job));
  return { toc, tarSplit: undefined, endBytes: size };
}

/** The entry of the archive that holds the TOC. It is hashed as it is read: nothing of it counts before its digest is right. */
async function stargzToc(packed: Uint8Array, blobBytes: number, hasher: DigestHasher): Promise<Toc> {
  const plain = decompress(once(packed), {
    what: 'the table of contents',
    limitBytes: MAX_TOC_BYTES,
    reuseChunks: true,
  });
  for await (const entry of readTar(plain)) {
    if (entry.path !== STARGZ_TOC_NAME) break;
    return await readToc(hashed(entry.body, hasher), blobBytes);
  }
  throw invalid(`it has no ${STARGZ_TOC_NAME}`);
}

async function* hashed(
  stream: ByteStream,
  hasher: DigestHasher,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of stream) {
    hasher.update(chunk);
    yield chunk;
  }
}

interface Plan {
  readonly wantedBytes: number;
  readonly files: TocFileList;
  readonly archive: () => ByteStream;
}

function planLayer(job: Job, { toc, tarSplit, endBytes }: Tables, known: KnownContent): Plan {
  const planned = tarSplit === undefined ? undefined : planFiles(toc, known);
  if (planned !== undefined && tarSplit !== undefined) {
    const { ranges, files } = planned;
    return {
      wantedBytes: lengthOf(ranges),
      files: toc.files,
      archive: () =>
        reading(new ChunkCursor(unpackPieces(job, ranges)), (unpacked) =>
          assembleFiles(readTarSplit(tarSplit()), files, unpacked),
        ),
    };
  }
  const parts = planArchive(toc, known, endBytes);
  const ranges = parts.flatMap((part: ArchivePart) => (part.kind === 'fetch' ? [part.range] : []));
  return {
    wantedBytes: lengthOf(ranges),
    // Here only the archive is verified, not what the table says of files.
    files: NO_FILES,
    archive: () =>
      reading(new ChunkCursor(fetchRanges(job.source, job.descriptor, ranges, job.options)), (fetched) =>
        assembleArchive(parts, fetched, job.what),
      ),
  };
}

/** One decompressor for all pieces, each of which is a frame: with one for each, what they take would lie about between what stays. */
function unpackPieces({ source, descriptor, options, what }: Job, ranges: readonly BlobRange[]): ByteStream {
  const fetched = copiedInPieces(fetchRanges(source, descriptor, ranges, options), PACKED_BYTES);
  return decompress(fetched, { what, only: 'zstd', reuseChunks: true });
}

/** Whoever stops reading the archive stops the fetching. */
async function* reading(
  fetched: ChunkCursor,
  assemble: (fetched: ChunkCursor) => ByteStream,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* assemble(fetched);
  } finally {
    await fetched.close();
  }
}

function fetchPart({ source, descriptor, options }: Job, start: number, end: number): Promise<Uint8Array> {
  return fetchParts(source, descriptor, [{ startBytes: start, endBytes: end }], options);
}

function streamPart({ source, descriptor, options }: Job, start: number, end: number): ByteStream {
  return streamParts(source, descriptor, [{ startBytes: start, endBytes: end }], options);
}

/**
 * Reads the table as it arrives: packed it would be as large as what it says. It is hashed by the way, and a digest that is not right
 * comes before anything else that is wrong with it.
 */
async function zstdToc(
  job: Job,
  { toc: part, tocDigest }: ChunkedInfo & { readonly kind: 'zstd' },
  arriving: ChunkCursor,
): Promise<Toc> {
  const hasher = new DigestHasher(digestAlgorithm(tocDigest));
  const unread = (): ByteStream => hashed(arriving.pieces(part.lengthBytes - hasher.sizeBytes), hasher);
  let toc: Toc | undefined;
  let problem: unknown;
  try {
    toc = await unpackToc(unread(), part.plainBytes, job.descriptor.size);
  } catch (cause) {
    if (!isSlipwayError(cause, 'OCI_CHUNKED_INVALID')) throw cause;
    problem = cause;
  }
  for await (const _rest of unread()) {
    // What nobody read has a part in the digest as well.
  }
  checkHashed(hasher, tocDigest, undefined, tableOf(job));
  if (toc === undefined) throw problem;
  return toc;
}

async function unpackToc(packed: ByteStream, plainBytes: number, blobBytes: number): Promise<Toc> {
  const what = 'the table of contents';
  const plain = decompress(packed, { what, only: 'zstd', limitBytes: plainBytes, reuseChunks: true });
  try {
    return await readToc(plain, blobBytes);
  } catch (cause) {
    throw isSlipwayError(cause, 'OCI_COMPRESSION_INVALID')
      ? invalid('its table of contents does not decompress', cause)
      : cause;
  }
}

function verify(bytes: Uint8Array, digest: Digest, what: string): void {
  const hasher = new DigestHasher(digestAlgorithm(digest));
  hasher.update(bytes);
  checkHashed(hasher, digest, undefined, what);
}

function tableOf({ source }: Job): string {
  return `the table of contents of a layer of ${source.name}`;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}

function invalid(problem: string, cause?: unknown): SlipwayError {
  return new SlipwayError('OCI_CHUNKED_INVALID', `cannot fetch a layer in parts: ${problem}`, { cause });
}
