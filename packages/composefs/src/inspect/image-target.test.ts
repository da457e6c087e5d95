import { chmod, lstat, open, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, run } from '@slipway/core';
import { expect, test } from 'vitest';
import { measureFile } from '../verity/measure-file.ts';
import { readImageFile } from './image-file.ts';
import { openImageTarget } from './image-target.ts';

test('a file appears when it is whole, with the mode it had', async () => {
  await using dir = await makeTempDir('target');
  const path = join(dir.path, 'image');
  await writeFile(path, 'before');
  await chmod(path, 0o640);
  {
    await using target = await openImageTarget(path);
    expect(await readFile(path, 'utf8')).toBe('before');
    await target.write(Buffer.from('after'));
  }
  expect(await readFile(path, 'utf8')).toBe('after');
  expect((await stat(path)).mode & 0o7777).toBe(0o640);
  expect(await readdir(dir.path)).toEqual(['image']);
});

test('a target given up leaves nothing', async () => {
  await using dir = await makeTempDir('target');
  {
    await using _ = await openImageTarget(join(dir.path, 'image'));
    expect((await readdir(dir.path)).length).toBe(1);
  }
  expect(await readdir(dir.path)).toEqual([]);
});

test('what is no regular file is written to as it is', async () => {
  await using dir = await makeTempDir('target');
  const path = join(dir.path, 'image');
  await using file = await open(path, 'w+');
  await symlink('image', join(dir.path, 'link'));
  for (const name of [join(dir.path, 'link'), `/proc/self/fd/${file.fd}`, '/dev/null']) {
    await using target = await openImageTarget(name);
    await target.write(Buffer.from(name));
  }
  expect(await readFile(path, 'utf8')).toBe(`/proc/self/fd/${file.fd}`);
  expect((await lstat(join(dir.path, 'link'))).isSymbolicLink()).toBe(true);
});

test('a directory that is not there is told before the work', async () => {
  await expect(openImageTarget('/nothing/image')).rejects.toMatchObject({ code: 'IO_FAILED' });
});

test('only regular files are read, and nobody is waited for', async () => {
  await using dir = await makeTempDir('target');
  const fifo = join(dir.path, 'fifo');
  await run(['mkfifo', fifo], { describe: 'make a fifo' });
  for (const path of [fifo, dir.path, '/dev/zero']) {
    await expect(readImageFile(path)).rejects.toMatchObject({ code: 'IO_FAILED' });
    await expect(measureFile(path, 'sha256')).rejects.toMatchObject({ code: 'IO_FAILED' });
  }
  await writeFile(join(dir.path, 'text'), 'no image');
  await expect(readImageFile(join(dir.path, 'text'))).rejects.toThrow(
    /^cannot read \/.*text: this is no composefs image/,
  );
});
