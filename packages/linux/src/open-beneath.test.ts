import {
  closeSync,
  constants,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { openBeneath } from './open-beneath.ts';

describe('opening beneath a directory', () => {
  test.each([
    ['../outside', 'EXDEV'],
    ['/etc/passwd', 'EXDEV'],
    ['deep/../../outside', 'EXDEV'],
    ['out-link', 'ELOOP'],
    ['in-link', 'ELOOP'],
    ['missing', 'ENOENT'],
    ['a\0b', 'EINVAL'],
  ])('%j is refused with %s', async (path, code) => {
    await using dir = await makeTree();
    await using root = await open(join(dir.path, 'root'), constants.O_DIRECTORY);
    expect(() => openBeneath(root.fd, path)).toThrow(expect.objectContaining({ code, syscall: 'openat2' }));
  });

  test('reads, creates, and follows symlinks that stay inside when told to', async () => {
    await using dir = await makeTree();
    await using root = await open(join(dir.path, 'root'), constants.O_DIRECTORY);

    const created = openBeneath(root.fd, 'deep/new', {
      flags: constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY,
      mode: 0o600,
    });
    writeSync(created, 'new');
    closeSync(created);
    expect(readFileSync(join(dir.path, 'root/deep/new'), 'utf8')).toBe('new');

    const inside = openBeneath(root.fd, 'in-link', { followSymlinks: true });
    expect(readFileSync(inside, 'utf8')).toBe('inside');
    closeSync(inside);
    expect(() => openBeneath(root.fd, 'out-link', { followSymlinks: true })).toThrow(
      expect.objectContaining({ code: 'EXDEV' }),
    );
  });
});

async function makeTree(): ReturnType<typeof makeTempDir> {
  const dir = await makeTempDir('open-test');
  mkdirSync(join(dir.path, 'root/deep'), { recursive: true });
  writeFileSync(join(dir.path, 'outside'), 'outside');
  writeFileSync(join(dir.path, 'root/deep/inside'), 'inside');
  symlinkSync('../outside', join(dir.path, 'root/out-link'));
  symlinkSync('deep/inside', join(dir.path, 'root/in-link'));
  return dir;
}
