import type { DirectoryNode, TreeNode } from '@slipway/composefs';
import { silentLog } from '@slipway/core';
import type { FileReader } from '@slipway/host';
import { beforeEach, expect, test } from 'vitest';
import type { ConfigFile } from '../config/load-config.ts';
import { configOf } from '../config/load-config.ts';
import type { RootFileSystem } from '../request.ts';
import { rootFileSystemOf } from './choose.ts';

const META = { mode: 0o755, uid: 0, gid: 0, mtimeSec: 0, mtimeNsec: 0, xattrs: new Map() };

function image(files: Readonly<Record<string, string>>): DirectoryNode {
  const root: DirectoryNode = { kind: 'directory', meta: META, entries: new Map() };
  for (const [path, text] of Object.entries(files)) {
    let at = root.entries as Map<string, TreeNode>;
    const parts = path.split('/');
    for (const part of parts.slice(0, -1)) {
      const next = at.get(part) ?? { kind: 'directory', meta: META, entries: new Map() };
      at.set(part, next);
      at = (next as DirectoryNode).entries as Map<string, TreeNode>;
    }
    const content = { kind: 'inline', bytes: Buffer.from(text) } as const;
    at.set(parts.at(-1) ?? '', { kind: 'regular', meta: META, content });
  }
  return root;
}

const SAYS_XFS = { 'usr/lib/bootc/install/00-os.toml': '[install.filesystem.root]\ntype = "xfs"\n' };

function config(fsType: string): ConfigFile {
  const text = `[[customizations.disk.partitions]]\nmountpoint = "/"\nfs_type = "${fsType}"\n`;
  return configOf('config.toml', text, 'disk');
}

async function chosen(
  tree: DirectoryNode,
  asked: { readonly rootFileSystem?: RootFileSystem; readonly config?: ConfigFile } = {},
): Promise<RootFileSystem> {
  const read: FileReader = async function* (node) {
    if (node.content.kind === 'inline') yield node.content.bytes;
  };
  const log = { ...silentLog, warn: (message: string) => void warnings.push(message) };
  return await rootFileSystemOf({ architecture: 'amd64', ...asked }, tree, read, { log });
}

let warnings: string[] = [];
beforeEach(() => {
  warnings = [];
});

test('nobody says anything: ext4', async () => {
  expect(await chosen(image({}))).toBe('ext4');
});

test('what the image says, as bootc reads it, is told and not done: such files would not be sealed', async () => {
  expect(await chosen(image(SAYS_XFS))).toBe('ext4');
  const site = { 'etc/bootc/install/50-site.toml': '[install]\nroot-fs-type = "btrfs"\n' };
  expect(await chosen(image({ ...SAYS_XFS, ...site }))).toBe('ext4');
  const arm = {
    'etc/bootc/install/90-arm.toml': '[install]\nroot-fs-type = "ext4"\nmatch-architectures = ["aarch64"]\n',
  };
  expect(await chosen(image({ ...SAYS_XFS, ...arm }))).toBe('ext4');
  expect(warnings.map((line) => /--rootfs (\w+)/.exec(line)?.[1])).toEqual(['xfs', 'btrfs', 'xfs']);
});

test('the configuration, and the command line, count more than the image', async () => {
  expect(await chosen(image(SAYS_XFS), { config: config('btrfs') })).toBe('btrfs');
  expect(await chosen(image(SAYS_XFS), { rootFileSystem: 'ext4' })).toBe('ext4');
  expect(await chosen(image(SAYS_XFS), { rootFileSystem: 'btrfs', config: config('btrfs') })).toBe('btrfs');
  expect(warnings).toEqual([]);
});

test('two answers are none', async () => {
  await expect(chosen(image({}), { rootFileSystem: 'ext4', config: config('btrfs') })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: 'cannot make a root of ext4: the configuration config.toml says btrfs',
  });
});

test('an image that says nonsense is told where', async () => {
  const wrong = { 'usr/lib/bootc/install/00-os.toml': '[install]\nroot-fs-type = "zfs"\n' };
  await expect(chosen(image(wrong))).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining('/usr/lib/bootc/install/00-os.toml'),
  });
});
