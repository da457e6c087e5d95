import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import { expect, test } from 'vitest';
import { renameBootEntry } from './entry-files.ts';

test('an entry gets another name with the same text, over one that is there as well', async () => {
  await using esp = await makeTempDir('entry-files');
  const entries = join(esp.path, 'loader/entries');
  await mkdir(entries, { recursive: true });
  await writeFile(join(entries, 'slipway-2+3.conf'), 'title Two\n');
  await renameBootEntry(esp.path, 'slipway-2+3.conf', 'slipway-2+0-3.conf');
  expect(await readdir(entries)).toEqual(['slipway-2+0-3.conf']);
  // What a power cut between the two steps left is finished by the next call.
  await writeFile(join(entries, 'slipway-2+3.conf'), 'title Two\n');
  await renameBootEntry(esp.path, 'slipway-2+3.conf', 'slipway-2+0-3.conf');
  await renameBootEntry(esp.path, 'slipway-2+0-3.conf', 'slipway-2+0-3.conf');
  expect(await readdir(entries)).toEqual(['slipway-2+0-3.conf']);
  expect(await readFile(join(entries, 'slipway-2+0-3.conf'), 'utf8')).toBe('title Two\n');
});
