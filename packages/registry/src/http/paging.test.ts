import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareLexically, pageOf } from './paging.ts';

const tag = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,6}$/);

test('pages of any size together are the list, each name once', () => {
  fc.assert(
    fc.property(fc.uniqueArray(tag), fc.integer({ min: 1, max: 9 }), (tags, n) => {
      const sorted = tags.toSorted(compareLexically);
      const collected: string[] = [];
      for (
        let query: URLSearchParams | undefined = new URLSearchParams({ n: String(n) });
        query !== undefined;
      ) {
        const page = pageOf(sorted, query, '/list');
        expect(page.items.length).toBe(Math.min(n, sorted.length - collected.length));
        collected.push(...page.items);
        query =
          page.next === undefined
            ? undefined
            : new URLSearchParams(/\?(?<query>[^>]*)>/.exec(page.next)?.groups?.['query']);
      }
      expect(collected).toEqual(sorted);
    }),
  );
});

test('a name that is gone still says where to go on', () => {
  const page = pageOf(['a', 'c'], new URLSearchParams({ last: 'b' }), '/list');
  expect(page).toEqual({ items: ['c'], next: undefined });
});

test('the order is total, whatever the case', () => {
  fc.assert(
    fc.property(tag, tag, (a, b) => {
      expect(compareLexically(a, b)).toBe(-compareLexically(b, a) || 0);
      expect(compareLexically(a, b) === 0).toBe(a === b);
    }),
  );
});
