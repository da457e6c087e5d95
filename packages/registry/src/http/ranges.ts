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
  | { readonly kind: 'unsatisfiable' };

/** More digits than any size has. */
const NUMBER = '[0-9]{1,15}';
const ONE_RANGE = new RegExp(
  `^bytes=\\s*(?:(?<first>${NUMBER})-(?<last>${NUMBER})?|-(?<suffix>${NUMBER}))\\s*$`,
);
/** The specification has `0-99`; some clients write it as HTTP has it, `bytes 0-99/*`. */
const CHUNK = new RegExp(`^(?:bytes[ =])?(?<first>${NUMBER})-(?<last>${NUMBER})(?:/(?:\\*|${NUMBER}))?$`);

/** Reads `Range`. Several ranges at once, or what is none, are answered with the whole, one that ends before it begins is refused: RFC 9110 allows both. */
export function parseRange(header: string | undefined, sizeBytes: number): RangeAnswer {
  const { first, last, suffix } = ONE_RANGE.exec(header ?? '')?.groups ?? {};
  if (suffix !== undefined) {
    const length = Math.min(Number(suffix), sizeBytes);
    return length === 0 ? { kind: 'unsatisfiable' } : part(sizeBytes - length, sizeBytes - 1);
  }
  if (first === undefined) return { kind: 'whole' };
  const start = Number(first);
  const end = last === undefined ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1);
  if (last !== undefined && Number(last) < start) return { kind: 'unsatisfiable' };
  return start >= sizeBytes ? { kind: 'unsatisfiable' } : part(start, end);
}

/** Reads the `Content-Range` of a chunk; undefined when it is none. */
export function parseChunkRange(header: string): ByteRange | undefined {
  const { first, last } = CHUNK.exec(header.trim())?.groups ?? {};
  if (first === undefined || last === undefined || Number(last) < Number(first)) return undefined;
  return { first: Number(first), last: Number(last) };
}

function part(first: number, last: number): RangeAnswer {
  return { kind: 'part', range: { first, last } };
}
