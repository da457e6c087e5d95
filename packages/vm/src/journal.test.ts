import { describe, expect, test } from 'vitest';
import { Journal } from './journal.ts';

describe('a journal', () => {
  test('readers get everything, at their own pace, until it closes', async () => {
    const journal = new Journal<number>(10);
    const early = collect(journal.follow());
    journal.push(1);
    journal.push(2);
    const late = collect(journal.follow('now'));
    const all = collect(journal.follow());
    await Promise.resolve();
    journal.push(3);
    journal.close();
    expect(await early).toEqual([1, 2, 3]);
    expect(await all).toEqual([1, 2, 3]);
    expect(await late).toEqual([3]);
  });

  test('keeps the newest; who falls behind misses the oldest', async () => {
    const journal = new Journal<number>(10);
    const reader = journal.follow();
    journal.push(0);
    expect((await reader.next()).value).toBe(0);
    for (let item = 1; item <= 1000; item += 1) journal.push(item);
    journal.close();
    const rest = await collect(reader);
    expect(rest.length).toBeGreaterThanOrEqual(10);
    expect(rest.length).toBeLessThan(20);
    expect(rest.at(-1)).toBe(1000);
    expect(journal.last(3)).toEqual([998, 999, 1000]);
    expect(journal.last(0)).toEqual([]);
  });

  test('a reader can be called off', async () => {
    const abort = new AbortController();
    const reader = collect(new Journal<number>(10).follow('start', abort.signal));
    abort.abort();
    await expect(reader).rejects.toMatchObject({ name: 'AbortError' });
  });
});

async function collect(items: AsyncIterable<number>): Promise<readonly number[]> {
  return Array.fromAsync(items);
}
