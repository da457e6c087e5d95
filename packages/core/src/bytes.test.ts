import { expect, test } from 'vitest';
import { collectBytes, formatBytes, roundUp } from './bytes.ts';

async function* chunks(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

test('collects a stream up to its limit and no further', async () => {
  const tooLarge = (): Error => new Error('too large');
  expect((await collectBytes(chunks('ab', 'cd'), 4, tooLarge)).toString()).toBe('abcd');
  await expect(collectBytes(chunks('ab', 'cd'), 3, tooLarge)).rejects.toThrow('too large');
});

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.0 kB'],
  [123_456, '123 kB'],
  [1_440_000_000, '1.4 GB'],
])('%d bytes read as %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test('rounds up past 32 bits', () => {
  expect(roundUp(2 ** 40 + 1, 4096)).toBe(2 ** 40 + 4096);
  expect(roundUp(8192, 4096)).toBe(8192);
});
