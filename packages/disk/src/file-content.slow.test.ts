import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import { expect, test } from 'vitest';
import { fileContent } from './file-content.ts';
import { patternBytes } from './testing/trees.ts';

test.each([
  ['an empty file', 0, 0],
  ['a small file', 1000, 1000],
  ['the largest small file', 262_144, 262_144],
  ['a large file', 5_000_001, 5_000_001],
  ['a file that grew a little', 1000, 900],
  ['a file that grew a lot', 5_000_001, 900],
  ['a file that shrank', 900, 5_000_001],
])('%s is read to its end', async (_, actualBytes, announcedBytes) => {
  await using dir = await makeTempDir('content');
  const path = join(dir.path, 'file');
  writeFileSync(path, patternBytes(actualBytes));
  const chunks: Uint8Array[] = [];
  for await (const chunk of fileContent(path, announcedBytes)) chunks.push(Uint8Array.from(chunk));
  expect(Buffer.concat(chunks).equals(patternBytes(actualBytes))).toBe(true);
});

test('a file that is not there is an error with its path', async () => {
  const reading = fileContent('/nowhere/at/all', 5)[Symbol.asyncIterator]().next();
  await expect(reading).rejects.toMatchObject({
    code: 'IO_FAILED',
    message: expect.stringContaining('/nowhere/at/all'),
  });
});
