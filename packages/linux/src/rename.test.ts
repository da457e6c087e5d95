import { constants, readFileSync, writeFileSync } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { exchangePaths, linkOpenFile, O_TMPFILE, renameNoReplace } from './rename.ts';

describe('renames', () => {
  test('exchange swaps two names', async () => {
    await using dir = await makeTempDir('rename-test');
    const [a, b] = [join(dir.path, 'a'), join(dir.path, 'b')];
    writeFileSync(a, 'was a');
    writeFileSync(b, 'was b');
    exchangePaths(a, b);
    expect(readFileSync(a, 'utf8')).toBe('was b');
    expect(readFileSync(b, 'utf8')).toBe('was a');
  });

  test('a rename that may not replace does not', async () => {
    await using dir = await makeTempDir('rename-test');
    const [a, b, c] = [join(dir.path, 'a'), join(dir.path, 'b'), join(dir.path, 'c')];
    writeFileSync(a, 'was a');
    writeFileSync(b, 'was b');
    expect(() => renameNoReplace(a, b)).toThrow(
      expect.objectContaining({ code: 'EEXIST', errno: -17, syscall: 'renameat2', path: a, dest: b }),
    );
    renameNoReplace(a, c);
    expect(await readdir(dir.path)).toEqual(['b', 'c']);
  });

  test('names are bytes: one that is not UTF-8 works, a NUL and a path too long are refused', async () => {
    await using dir = await makeTempDir('rename-test');
    const from = Buffer.concat([Buffer.from(`${dir.path}/`), Buffer.from([0xff, 0xfe])]);
    const to = Buffer.concat([Buffer.from(`${dir.path}/`), Buffer.from([0xe9])]);
    writeFileSync(from, 'x');
    renameNoReplace(from, to);
    expect(await readdir(dir.path, { encoding: 'latin1' })).toEqual(['\xe9']);
    expect(() => renameNoReplace(to, `${dir.path}/a\0b`)).toThrow(
      expect.objectContaining({ code: 'EINVAL' }),
    );
    expect(() => renameNoReplace(to, `/${'a/'.repeat(3000)}`)).toThrow(
      expect.objectContaining({ code: 'ENAMETOOLONG' }),
    );
  });

  test('a file without a name gets one, once', async () => {
    await using dir = await makeTempDir('rename-test');
    const path = join(dir.path, 'object');
    await using file = await open(dir.path, O_TMPFILE | constants.O_RDWR, 0o644);
    await file.writeFile('whole');
    expect(await readdir(dir.path)).toEqual([]);
    linkOpenFile(file.fd, path);
    expect(readFileSync(path, 'utf8')).toBe('whole');
    expect(() => linkOpenFile(file.fd, path)).toThrow(
      expect.objectContaining({ code: 'EEXIST', dest: path }),
    );
  });
});
