/** Which bytes an answer, or a part of one, brings (RFC 9110, sections 14.4 and 14.6). */
import type { BlobRange } from '../image.ts';
import type { ChunkCursor } from '../tar/chunk-cursor.ts';

/** What `Content-Range` says. */
export interface ContentRange extends BlobRange {
  /** Undefined when the server does not say. */
  readonly blobBytes: number | undefined;
}

/** More digits than any size has. */
const NUMBER = '[0-9]{1,15}';
const CONTENT_RANGE = new RegExp(
  `^bytes (?<first>${NUMBER})-(?<last>${NUMBER})/(?<total>${NUMBER}|\\*)$`,
  'i',
);
/** RFC 2046, section 5.1.1: at most 70 characters. */
const BOUNDARY =
  /^multipart\/byteranges\s*;(?:.*;)?\s*boundary=(?:"(?<quoted>[^"]{1,70})"|(?<plain>[^\s;"]{1,70})(?![^\s;]))/i;
/** Longest line of what stands around a part. */
const MAX_LINE_BYTES = 1024;
/** Most lines of what stands before a part. */
const MAX_LINES = 32;
const LINE_FEED = 0x0a;

/** Reads `Content-Range`; undefined when it is none. */
export function parseContentRange(value: string | undefined): ContentRange | undefined {
  const { first, last, total } = CONTENT_RANGE.exec(value ?? '')?.groups ?? {};
  if (first === undefined || last === undefined || Number(last) < Number(first)) return undefined;
  const blobBytes = total === '*' ? undefined : Number(total);
  return { startBytes: Number(first), endBytes: Number(last) + 1, blobBytes };
}

/** What parts two parts of an answer with several, by its `Content-Type`; undefined when it is none. */
export function boundaryOf(contentType: string | undefined): string | undefined {
  const { quoted, plain } = BOUNDARY.exec(contentType ?? '')?.groups ?? {};
  return quoted ?? plain;
}

/**
 * Reads up to the content of the next part, which has as many bytes as the range that is returned; undefined when no part comes, or
 * something that makes no sense.
 */
export async function readPartHeader(body: ChunkCursor, boundary: string): Promise<ContentRange | undefined> {
  const delimiter = `--${boundary}`;
  let range: ContentRange | undefined;
  let isInside = false;
  for (let lines = 0; lines < MAX_LINES; lines += 1) {
    const line = (await body.takeThrough(LINE_FEED, MAX_LINE_BYTES))?.toString('latin1').trim();
    if (line === undefined) return undefined;
    if (!isInside) {
      // An empty line stands before every delimiter, and before the first what a server likes.
      isInside = line === delimiter;
      if (line === `${delimiter}--`) return undefined;
    } else if (line === '') return range;
    else if (/^content-range:/i.test(line))
      range = parseContentRange(line.slice(line.indexOf(':') + 1).trim());
  }
  return undefined;
}
