/** What to fetch of a layer, and where the rest comes from. Nothing is read here. */
import type { KnownContent, OpenContent } from './known-content.ts';
import type { Toc } from './toc.ts';
import type { TocChunk, TocFile } from './toc-files.ts';

/** Bytes of a blob, from the first to before the last. */
export interface BlobRange {
  readonly startBytes: number;
  readonly endBytes: number;
}

/** Where a piece of a file comes from. */
export type ContentPart =
  | { readonly kind: 'known'; readonly sizeBytes: number; readonly open: OpenContent }
  | { readonly kind: 'zeros'; readonly sizeBytes: number }
  | { readonly kind: 'fetch'; readonly chunk: TocChunk; readonly endBytes: number };

/** A file to put together. */
export interface PlannedFile {
  readonly file: TocFile;
  readonly parts: readonly ContentPart[];
}

/** Where a piece of the archive comes from. */
export type ArchivePart =
  | {
      readonly kind: 'known';
      readonly open: OpenContent;
      /** Where the piece is in what is opened. */
      readonly startBytes: number;
      readonly sizeBytes: number;
    }
  | { readonly kind: 'fetch'; readonly range: BlobRange };

/** Less than this is fetched even when it is here: leaving it out of a range would cost a request. */
const MIN_SKIP_BYTES = 4096;

/** Files of a layer whose headers are known, and what is to be fetched for them. */
export interface FilePlan {
  /** In the order of the blob. */
  readonly ranges: readonly BlobRange[];
  /** In the order of the archive; each is planned when it is asked for, since all of them together are larger than what they say. */
  readonly files: Iterable<PlannedFile>;
}

/**
 * Plans the files of a layer whose headers are known (tar-split). Undefined when the table of contents does not say where
 * a content ends.
 *
 * @param known must give the same answers until the last file was asked for
 */
export function planFiles(toc: Toc, known: KnownContent): FilePlan | undefined {
  const ranges: BlobRange[] = [];
  for (const file of toc.files) {
    const parts = planFile(file, known);
    if (parts === undefined) return undefined;
    for (const part of parts) if (part.kind === 'fetch') ranges.push(rangeOf(part));
  }
  return { ranges, files: plannedFiles(toc, known) };
}

function rangeOf({ chunk, endBytes }: ContentPart & { readonly kind: 'fetch' }): BlobRange {
  return { startBytes: chunk.startBytes, endBytes };
}

function* plannedFiles(toc: Toc, known: KnownContent): Generator<PlannedFile, void, undefined> {
  for (const file of toc.files) {
    const parts = planFile(file, known);
    if (parts === undefined) throw new Error('internal error: a file that was planned cannot be planned');
    yield { file, parts };
  }
}

function planFile(file: TocFile, known: KnownContent): readonly ContentPart[] | undefined {
  const whole = known.find(file.digest, file.sizeBytes);
  if (whole !== undefined) return [{ kind: 'known', sizeBytes: file.sizeBytes, open: whole }];
  const parts: ContentPart[] = [];
  for (const chunk of file.chunks) {
    const { sizeBytes, digest, endBytes } = chunk;
    const open = digest === undefined ? undefined : known.find(digest, sizeBytes);
    if (open !== undefined) parts.push({ kind: 'known', sizeBytes, open });
    else if (chunk.isZeros) parts.push({ kind: 'zeros', sizeBytes });
    else if (endBytes === undefined) return undefined;
    else parts.push({ kind: 'fetch', chunk, endBytes });
  }
  return parts;
}

/**
 * Plans a layer whose headers are only in the blob itself: everything is fetched but frames, or members, that hold nothing
 * but content that is here.
 *
 * @param endBytes where the archive ends in the blob
 */
export function planArchive(toc: Toc, known: KnownContent, endBytes: number): readonly ArchivePart[] {
  const parts: ArchivePart[] = [];
  let at = 0;
  for (const file of toc.files) {
    const whole = known.find(file.digest, file.sizeBytes);
    let inFile = 0;
    for (const { startBytes, endBytes: end, sizeBytes, digest } of file.chunks) {
      const own = digest === undefined ? undefined : known.find(digest, sizeBytes);
      const from = own === undefined ? inFile : 0;
      const open = own ?? whole;
      inFile += sizeBytes;
      if (open === undefined || end === undefined || end - startBytes < MIN_SKIP_BYTES || end > endBytes)
        continue;
      if (startBytes > at) parts.push({ kind: 'fetch', range: { startBytes: at, endBytes: startBytes } });
      parts.push({ kind: 'known', open, startBytes: from, sizeBytes });
      at = end;
    }
  }
  if (at < endBytes) parts.push({ kind: 'fetch', range: { startBytes: at, endBytes } });
  return parts;
}

/** What a request brings: wanted ranges, and what lies between them. */
export interface RangeRequest extends BlobRange {
  readonly wanted: readonly BlobRange[];
}

/** Bytes of headers of a request and its answer: a gap of this size costs nothing. */
const FREE_GAP_BYTES = 512;
/** Of every so many wanted bytes, one may be fetched in vain to spare requests. */
const WASTE_DIVISOR = 200;
/** What one request brings is held in memory. */
const MAX_REQUEST_BYTES = 2 * 2 ** 20;

/**
 * Makes requests of ranges: neighbours come together, the nearest first, as long as what is fetched in vain stays small; long
 * ranges come in several pieces.
 */
export function planRequests(ranges: readonly BlobRange[]): readonly RangeRequest[] {
  const largestGap = affordableGap(ranges);
  const requests: RangeRequest[] = [];
  let open: BlobRange[] = [];
  const close = (): void => {
    const [first] = open;
    const last = open.at(-1);
    if (first === undefined || last === undefined) return;
    requests.push({ startBytes: first.startBytes, endBytes: last.endBytes, wanted: open });
    open = [];
  };
  for (const range of ranges.flatMap((whole) => [...inPieces(whole)])) {
    const first = open[0]?.startBytes ?? range.startBytes;
    const gap = range.startBytes - (open.at(-1)?.endBytes ?? range.startBytes);
    if (gap > largestGap || range.endBytes - first > MAX_REQUEST_BYTES) close();
    open.push(range);
  }
  close();
  return requests;
}

/** The largest gap that may be fetched, so that all of them together waste little. */
function affordableGap(ranges: readonly BlobRange[]): number {
  const gaps = ranges
    .map(({ startBytes }, index) => startBytes - (ranges[index - 1]?.endBytes ?? startBytes))
    .filter((gap) => gap > FREE_GAP_BYTES)
    .toSorted((a, b) => a - b);
  let budget = lengthOf(ranges) / WASTE_DIVISOR;
  let affordable = FREE_GAP_BYTES;
  for (const gap of gaps) {
    budget -= gap;
    if (budget < 0) break;
    affordable = gap;
  }
  return affordable;
}

function* inPieces({ startBytes, endBytes }: BlobRange): Generator<BlobRange, void, undefined> {
  for (let at = startBytes; at < endBytes; at += MAX_REQUEST_BYTES) {
    yield { startBytes: at, endBytes: Math.min(at + MAX_REQUEST_BYTES, endBytes) };
  }
}

/** Bytes in ranges. */
export function lengthOf(ranges: readonly BlobRange[]): number {
  return ranges.reduce((sum, { startBytes, endBytes }) => sum + endBytes - startBytes, 0);
}
