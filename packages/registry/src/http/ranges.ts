/** Ranges of bytes: of a blob that is read (RFC 9110, section 14) and of a chunk that is sent (distribution-spec). */

/** From the first byte to the last, both included. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** What a `Range` header asks for. */
export type RangeAnswer =
  | { readonly kind: 'whole' }
  | { readonly kind: 'part'; readonly range: ByteRange }
  /** Two or more. */
  | { readonly kind: 'parts'; readonly ranges: readonly ByteRange[] }
  | { readonly kind: 'unsatisfiable' };

/** More digits than any size has. */
const NUMBER = '[0-9]{1,15}';
const SPEC = new RegExp(`^\\s*(?:(?<first>${NUMBER})-(?<last>${NUMBER})?|-(?<suffix>${NUMBER}))\\s*$`);
/** More than clients ask for at once that fetch layers in parts. */
const MAX_RANGES = 1024;
const WHOLE: RangeAnswer = { kind: 'whole' };
/** The specification has `0-99`; some clients write it as HTTP has it, `bytes 0-99/*`. */
const CHUNK = new RegExp(`^(?:bytes[ =])?(?<first>${NUMBER})-(?<last>${NUMBER})(?:/(?:\\*|${NUMBER}))?$`);

/**
 * Reads `Range`. What is none is answered with the whole, and so are very many ranges, or such that bring bytes twice or out of their
 * order: RFC 9110 allows it, for they cost a server more than they spare a client. A range that ends before it begins is refused.
 */
export function parseRange(header: string | undefined, sizeBytes: number): RangeAnswer {
  const specs = /^bytes=(.*)$/.exec(header ?? '')?.[1]?.split(',', MAX_RANGES + 1) ?? [];
  if (specs.length > MAX_RANGES) return WHOLE;
  const ranges: ByteRange[] = [];
  for (const spec of specs) {
    const range = parseSpec(spec, sizeBytes);
    if (range === undefined) return WHOLE;
    if (range === 'unsatisfiable') continue;
    if (range.first <= (ranges.at(-1)?.last ?? -1)) return WHOLE;
    ranges.push(range);
  }
  const [range] = ranges;
  if (range === undefined) return specs.length === 0 ? WHOLE : { kind: 'unsatisfiable' };
  return ranges.length === 1 ? { kind: 'part', range } : { kind: 'parts', ranges };
}

/** One of the ranges a `Range` names; undefined when it is none. */
function parseSpec(spec: string, sizeBytes: number): ByteRange | 'unsatisfiable' | undefined {
  const { first, last, suffix } = SPEC.exec(spec)?.groups ?? {};
  if (suffix !== undefined) {
    const length = Math.min(Number(suffix), sizeBytes);
    return length === 0 ? 'unsatisfiable' : { first: sizeBytes - length, last: sizeBytes - 1 };
  }
  if (first === undefined) return undefined;
  const start = Number(first);
  const end = last === undefined ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1);
  if (start >= sizeBytes || (last !== undefined && Number(last) < start)) return 'unsatisfiable';
  return { first: start, last: end };
}

/** Reads the `Content-Range` of a chunk; undefined when it is none. */
export function parseChunkRange(header: string): ByteRange | undefined {
  const { first, last } = CHUNK.exec(header.trim())?.groups ?? {};
  if (first === undefined || last === undefined || Number(last) < Number(first)) return undefined;
  return { first: Number(first), last: Number(last) };
}
