import { expect, test } from 'vitest';
import { builtFiles, committedFiles, staleFiles } from './generate.ts';

test('the committed reference is what the table and the catalogue say', async () => {
  expect(await staleFiles(), 'node tools/docs/generate.ts writes them anew').toEqual([]);
});

test('a page that differs or should not be there is found', async () => {
  const everything = committedFiles().map((file) => file.path);
  expect(await staleFiles('/nonexistent')).toEqual(everything);
});

test('no two files are written to one path', () => {
  const paths = [...committedFiles(), ...builtFiles()].map((file) => file.path);
  expect(new Set(paths).size).toBe(paths.length);
});
