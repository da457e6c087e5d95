import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import { afterEach, expect, test, vi } from 'vitest';
import { requireMaker } from './maker.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

test.each([
  ['btrfs', 'cannot make a root of btrfs: mkfs.btrfs is not installed', 'btrfs-progs'],
  ['xfs', 'cannot make a root of xfs: mkfs.xfs is not installed', 'xfsprogs'],
] as const)(
  'without its program %s is refused with the package that has it',
  async (fileSystem, message, found) => {
    vi.stubEnv('PATH', '/nowhere');
    await expect(requireMaker(fileSystem, {}, [])).rejects.toMatchObject({
      code: 'TOOL_MISSING',
      message,
      hint: `install it, on Debian: apt-get install ${found}`,
    });
  },
);

test('it is found where users do not look, and ext4 needs none', async () => {
  await using directory = await makeTempDir('maker');
  const program = join(directory.path, 'mkfs.btrfs');
  await writeFile(program, '#!/bin/sh\nexit 0\n');
  await chmod(program, 0o755);
  vi.stubEnv('PATH', '/usr/bin:/bin');
  await requireMaker('btrfs', {}, [directory.path]);
  await requireMaker('ext4', {}, []);
});
