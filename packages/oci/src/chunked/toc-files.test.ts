import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Digest } from '../image.ts';
import { type TocChunk, type TocFile, TocFiles } from './toc-files.ts';

const length = fc.integer({ min: 1, max: 2 ** 40 });
const digest = fc
  .tuple(fc.constantFrom(['sha256', 64] as const, ['sha512', 128] as const), fc.nat())
  .map(([[algorithm, digits], seed]) => `${algorithm}:${seed.toString(16).padStart(digits, '0')}` as Digest);
const chunk: fc.Arbitrary<TocChunk> = fc.record({
  startBytes: length,
  endBytes: fc.option(length, { nil: undefined }),
  sizeBytes: length,
  digest: fc.option(digest, { nil: undefined }),
  isZeros: fc.boolean(),
});
const file: fc.Arbitrary<TocFile> = fc.record({
  name: fc.string({ unit: 'binary', maxLength: 300 }).map((name) => Buffer.from(name).toString('latin1')),
  sizeBytes: length,
  digest,
  chunks: fc.array(chunk, { minLength: 1, maxLength: 5 }),
});

test('files come out as they went in, in the order of the blob', () => {
  fc.assert(
    fc.property(fc.array(file, { maxLength: 200 }), (files) => {
      const packed = new TocFiles();
      for (const one of files) packed.add(one);
      packed.sort();
      expect(packed.length).toBe(files.length);
      const startOf = ({ chunks }: TocFile): number => chunks[0]?.startBytes ?? 0;
      expect([...packed]).toEqual(files.toSorted((a, b) => startOf(a) - startOf(b)));
    }),
  );
});

test('a chunk that is the whole file has the digest of the file', () => {
  const packed = new TocFiles();
  const whole = `sha256:${'ab'.repeat(32)}` as Digest;
  const chunks = [{ startBytes: 1, endBytes: 2, sizeBytes: 3, digest: whole, isZeros: false }];
  packed.add({ name: 'a', sizeBytes: 3, digest: whole, chunks });
  expect([...packed]).toEqual([{ name: 'a', sizeBytes: 3, digest: whole, chunks }]);
});
