import type { ListQuery, Page } from '@slipway/fleet-api';
import { invalid } from './problem.ts';

const DEFAULT_LIMIT = 100;

export function limitOf({ limit }: ListQuery): number {
  return limit ?? DEFAULT_LIMIT;
}

/** Where a page begins: after this key. Opaque to clients, so that what it holds may change. */
export function afterOf({ cursor }: ListQuery): string | undefined {
  if (cursor === undefined) return undefined;
  const text = Buffer.from(cursor, 'base64url').toString('utf8');
  if (!text.startsWith('after:')) throw invalid('cannot go on from that cursor: it is none of this server');
  return text.slice(6);
}

function cursorOf(key: string): string {
  return Buffer.from(`after:${key}`).toString('base64url');
}

/** Makes a page of rows, of which one more than fits was read. */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  query: ListQuery,
  total: number,
  keyOf: (row: Row) => string,
  itemOf: (row: Row) => Item,
): Page<Item> {
  const limit = limitOf(query);
  const shown = rows.slice(0, limit);
  const last = rows.length > limit ? shown.at(-1) : undefined;
  return { items: shown.map(itemOf), nextCursor: last === undefined ? null : cursorOf(keyOf(last)), total };
}
