import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { DigestIndex } from './digest-index.ts';

test.each([
  ['random digests', (_index: number) => randomBytes(32)],
  [
    'digests that all begin with the same bits',
    (index: number) => Buffer.from(`same${index}`.padEnd(32, '.')),
  ],
  ['digests of both lengths', (index: number) => Buffer.alloc(index % 2 === 0 ? 32 : 64, `${index}`)],
])('%s: each has its own number', (_what, digestAt) => {
  const digests: Uint8Array[] = [];
  const index = new DigestIndex((number) => digests[number] ?? Buffer.alloc(0));
  const known = new Map<string, number>();
  for (let name = 0; name < 2000; name += 1) {
    const digest = digestAt(name);
    const before = known.get(digest.toString('hex')) ?? -1;
    expect(index.find(Buffer.from(digest))).toBe(before);
    if (before !== -1) continue;
    digests.push(digest);
    known.set(digest.toString('hex'), index.add(digest));
  }
  for (const digest of digests)
    expect(index.find(digest)).toBe(known.get(Buffer.from(digest).toString('hex')));
  expect(index.count).toBe(known.size);
  expect(new Set(known.values()).size).toBe(known.size);
});
