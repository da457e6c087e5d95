import { expect, test } from 'vitest';
import { backOff, spread } from './waiting.ts';

test('check-ins are spread by a tenth', () => {
  expect([spread(60_000, 0), spread(60_000, 0.5), spread(60_000, 1)]).toEqual([54_000, 60_000, 66_000]);
});

test('tries become rare, up to five minutes, however long the network is dead', () => {
  const longest = [1, 2, 3, 10, 1000].map((failures) => backOff(failures, 1));
  expect(longest).toEqual([2000, 4000, 8000, 300_000, 300_000]);
  expect(backOff(1000, 0)).toBe(150_000);
});
