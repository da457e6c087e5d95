/** Long lists in pages: `n`, `last` and the `Link` to the next (distribution-spec, "Listing Tags"; RFC 8288). */

import { RegistryFailure } from '../failure.ts';

/** One page of a list. */
export interface Page {
  readonly items: readonly string[];
  /** For the `Link` header; undefined: this is the last page. */
  readonly next: string | undefined;
}

/** What the specification calls lexical order: case-insensitive; what differs in case only, by byte. */
export function compareLexically(a: string, b: string): number {
  const [lowerA, lowerB] = [a.toLowerCase(), b.toLowerCase()];
  if (lowerA !== lowerB) return lowerA < lowerB ? -1 : 1;
  return a === b ? 0 : a < b ? -1 : 1;
}

/**
 * The page a query asks for. `n=0` is an empty page and no link.
 *
 * @param sorted by {@link compareLexically}
 * @param path of the list, for the link
 * @throws RegistryFailure 400 for an `n` that is no number
 */
export function pageOf(sorted: readonly string[], query: URLSearchParams, path: string): Page {
  const last = query.get('last');
  const start = last === null ? 0 : firstAfter(sorted, last);
  const limit = readLimit(query.get('n'));
  if (limit === undefined) return { items: sorted.slice(start), next: undefined };
  const items = sorted.slice(start, start + limit);
  const lastItem = items.at(-1);
  const isMore = lastItem !== undefined && start + limit < sorted.length;
  return { items, next: isMore ? linkTo(path, { n: String(limit), last: lastItem }) : undefined };
}

/** The value of a `Link` header to the next page. */
export function linkTo(path: string, parameters: Readonly<Record<string, string>>): string {
  return `<${path}?${new URLSearchParams(parameters).toString()}>; rel="next"`;
}

function readLimit(text: string | null): number | undefined {
  if (text === null) return undefined;
  if (/^[0-9]{1,9}$/.test(text)) return Number(text);
  throw new RegistryFailure('UNSUPPORTED', 'n is not a number', { status: 400 });
}

function firstAfter(sorted: readonly string[], last: string): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareLexically(sorted[middle] ?? '', last) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
