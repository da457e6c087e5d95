/** Requests that bring the wanted ranges of a blob, so that little is fetched in vain and few round trips are made. */
import type { BlobRange } from '../image.ts';
import { lengthOf } from './plan.ts';

/** Bytes that are fetched in one piece: wanted ranges, and what lies between them. */
export interface FetchedSpan extends BlobRange {
  readonly wanted: readonly BlobRange[];
}

/** What one request brings. */
export interface RangeRequest {
  readonly lengthBytes: number;
  readonly spans: readonly FetchedSpan[];
}

/** Bytes that stand around a part of an answer, or more when it has a request of its own: a gap of this size costs nothing. */
const FREE_GAP_BYTES = 512;
/** Of every so many wanted bytes, one may be fetched in vain to spare requests. */
const WASTE_DIVISOR = 200;
/** What one request brings is held in memory. */
const MAX_REQUEST_BYTES = 2 * 2 ** 20;
/** So many can be named in a header that every server and what stands before it takes: some refuse more than 4 kB. */
const MAX_REQUEST_SPANS = 100;

/** Makes requests of ranges in the order of the blob; long ranges come in several. */
export function planRequests(ranges: readonly BlobRange[]): readonly RangeRequest[] {
  const requests: RangeRequest[] = [];
  let spans: FetchedSpan[] = [];
  let lengthBytes = 0;
  const close = (): void => {
    if (spans.length > 0) requests.push({ spans, lengthBytes });
    spans = [];
    lengthBytes = 0;
  };
  for (const span of joinNeighbours(ranges)) {
    const spanBytes = span.endBytes - span.startBytes;
    if (spans.length === MAX_REQUEST_SPANS || lengthBytes + spanBytes > MAX_REQUEST_BYTES) close();
    spans.push(span);
    lengthBytes += spanBytes;
  }
  close();
  return requests;
}

/** Neighbours come together, the nearest first, as long as what is fetched in vain stays small. */
function* joinNeighbours(ranges: readonly BlobRange[]): Generator<FetchedSpan, void, undefined> {
  const largestGap = affordableGap(ranges);
  let open: BlobRange[] = [];
  for (const range of ranges.flatMap((whole) => [...inPieces(whole)])) {
    const startBytes = open[0]?.startBytes ?? range.startBytes;
    const endBytes = open.at(-1)?.endBytes ?? range.startBytes;
    const isFar = range.startBytes - endBytes > largestGap;
    if (isFar || range.endBytes - startBytes > MAX_REQUEST_BYTES) {
      yield { startBytes, endBytes, wanted: open };
      open = [];
    }
    open.push(range);
  }
  const [first] = open;
  const last = open.at(-1);
  if (first !== undefined && last !== undefined)
    yield { startBytes: first.startBytes, endBytes: last.endBytes, wanted: open };
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
