import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import { expect, test } from 'vitest';
import { installConfiguration, parseInstallFile } from './install-configuration.ts';

async function merged(files: Readonly<Record<string, string>>): Promise<unknown> {
  await using root = await makeTempDir('install-config');
  for (const [path, text] of Object.entries(files)) {
    const full = join(root.path, path);
    await mkdir(dirname(full), { recursive: true });
    await writeFile(full, text);
  }
  return await installConfiguration(root.path, 'amd64');
}

test('nothing is said where there is no file', async () => {
  expect(await merged({})).toEqual({});
});

test('names count in order, kernel arguments add up, a name in /etc takes the place of one in /usr', async () => {
  expect(
    await merged({
      'usr/lib/bootc/install/00-base.toml':
        '[install]\nroot-fs-type = "xfs"\nkargs = ["a"]\nblock = ["direct"]\n',
      'usr/lib/bootc/install/50-site.toml': '[install]\nkargs = ["lost"]\n',
      'etc/bootc/install/50-site.toml':
        '[install]\nkargs = ["b"]\nstateroot = "shop"\n[install.filesystem.root]\ntype = "btrfs"\n',
      'run/bootc/install/90-now.toml': '[install]\nkargs = ["c"]\nkarg-deletes = ["quiet"]\n',
      'usr/lib/bootc/install/notes.txt': 'no TOML',
    }),
  ).toEqual({
    block: ['direct'],
    kargs: ['a', 'b', 'c'],
    'karg-deletes': ['quiet'],
    stateroot: 'shop',
    filesystem: { root: { type: 'btrfs' } },
  });
});

test('a file for other machines does not count', async () => {
  expect(
    await merged({
      'etc/bootc/install/a.toml': '[install]\nkargs = ["arm"]\nmatch-architectures = ["aarch64"]\n',
      'etc/bootc/install/b.toml': '[install]\nkargs = ["pc"]\nmatch-architectures = ["x86_64", "aarch64"]\n',
    }),
  ).toEqual({ kargs: ['pc'] });
});

test.each([
  '[install',
  '[install]\nkargs = "quiet"\n',
  '[install]\nroot-fs-type = "ntfs"\n',
  'install = 5\n',
])('a file that is wrong is named: %j', (text) => {
  expect(() => parseInstallFile(text, '/etc/bootc/install/x.toml')).toThrow(
    expect.objectContaining({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/^cannot use \/etc\/bootc\/install\/x\.toml: ./),
    }),
  );
});
