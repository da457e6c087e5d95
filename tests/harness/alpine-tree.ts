import { mkdir } from 'node:fs/promises';
import { run } from '@slipway/core';
import { alpineArchives } from './alpine-archive.ts';
import { cachedDirectory } from './cached-directory.ts';

/** What brings many kinds of files: names for one file by the hundred, setuid programs, owners that are not root, symlinks everywhere. */
const PACKAGES = [
  'busybox-suid',
  'cmake',
  'git',
  'iputils-ping',
  'kbd-misc',
  'linux-headers',
  'nginx',
  'openrc',
  'perl',
  'postgresql16',
  'python3',
  'tzdata',
] as const;

/** What a package has for its manager, which a tree it is installed in does not get. */
const OF_THE_MANAGER = ['.SIGN.*', '.PKGINFO', '.pre-*', '.post-*', '.trigger'] as const;

/** Whether the mirror has what the tree is made of, 54 MB, here from then on. */
export async function hasAlpine(): Promise<boolean> {
  return (await alpineArchives(PACKAGES)) !== undefined;
}

/** The tree of a system of Alpine as its packages unpack. */
export async function alpineTree(): Promise<string> {
  return await cachedDirectory('tree-alpine', async (root) => {
    const archives = await alpineArchives(PACKAGES);
    if (archives === undefined) throw new Error('the mirror of this machine does not have Alpine');
    await mkdir(root);
    for (const archive of archives) await unpack(archive, root);
  });
}

/** A package is several archives one after the other, all but the last without their end. */
async function unpack(archive: string, root: string): Promise<void> {
  await run(
    [
      'tar',
      '--extract',
      '--gzip',
      `--file=${archive}`,
      `--directory=${root}`,
      '--same-permissions',
      '--same-owner',
      '--numeric-owner',
      '--xattrs',
      '--xattrs-include=*',
      // Each file has its digest, in a word only apk knows.
      '--warning=no-unknown-keyword',
      '--anchored',
      ...OF_THE_MANAGER.map((pattern) => `--exclude=${pattern}`),
    ],
    { describe: `unpack ${archive}` },
  );
}
