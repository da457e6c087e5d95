/** What to fetch of a layer, and where the rest comes from. Nothing is read here. */
import type { BlobRange } from '../image.ts';
import type { KnownContent, OpenContent } from './known-content.ts';
import type { Toc } from './toc.ts';
import type { TocChunk, TocFile } from './toc-files.ts';

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

/** Bytes in ranges. */
export function lengthOf(ranges: readonly BlobRange[]): number {
  return ranges.reduce((sum, { startBytes, endBytes }) => sum + endBytes - startBytes, 0);
}
