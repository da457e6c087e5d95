import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { Bell } from './bell.ts';

test.each([
  ['its time', (_bell: Bell, _end: AbortController) => undefined],
  ['a ring', (bell: Bell) => bell.ring()],
  ['the end', (_bell: Bell, end: AbortController) => end.abort()],
])('a wait that ends with %s leaves nothing behind', async (what, happen) => {
  const bell = new Bell();
  const end = new AbortController();
  const { signal } = bell;
  const waiting = bell.wait(what === 'its time' ? 0 : 3_600_000, end.signal);
  happen(bell, end);
  await waiting;
  expect(getEventListeners(signal, 'abort')).toEqual([]);
  expect(getEventListeners(end.signal, 'abort')).toEqual([]);
});
