import { describe, expect, test } from 'vitest';
import type { DirectoryNode, Metadata, TreeNode } from './tree.ts';
import { lookupDirectory, lookupPath, walkTree } from './tree-path.ts';

const meta: Metadata = { mode: 0o755, uid: 0, gid: 0, mtimeSec: 0, mtimeNsec: 0, xattrs: new Map() };
const file: TreeNode = { kind: 'regular', meta, content: { kind: 'inline', bytes: new Uint8Array(1) } };
const directory = (entries: Record<string, TreeNode>): DirectoryNode => ({
  kind: 'directory',
  meta,
  entries: new Map(Object.entries(entries)),
});
const symlink = (target: string): TreeNode => ({ kind: 'symlink', meta, target });

const tree = directory({
  usr: directory({
    lib: directory({ 'os-release': file, up: symlink('../../..'), self: symlink('self') }),
  }),
  lib: symlink('usr/lib'),
  absolute: symlink('/lib/os-release'),
  escape: symlink('../../../../lib/os-release'),
  dangling: symlink('/nowhere'),
  file,
});

describe('lookupPath', () => {
  const found: readonly (readonly [string, string])[] = [
    ['/', '/'],
    ['', '/'],
    ['..', '/'],
    ['usr/lib/os-release', '/usr/lib/os-release'],
    ['//usr/./lib//os-release', '/usr/lib/os-release'],
    ['lib/os-release', '/usr/lib/os-release'],
    ['lib', '/usr/lib'],
    ['absolute', '/usr/lib/os-release'],
    ['escape', '/usr/lib/os-release'],
    ['lib/up/file', '/file'],
    ['lib/../lib/os-release', '/usr/lib/os-release'],
  ];
  test.each(found)('%s is %s', (path, real) => {
    expect(lookupPath(tree, path)?.path).toBe(real);
  });

  test.each(['nowhere', 'file/x', 'dangling', 'usr/lib/os-release/..', 'absolute/x'])(
    '%s is nothing',
    (path) => {
      expect(lookupPath(tree, path)).toBeUndefined();
    },
  );

  test('can stop at a symlink in the last place', () => {
    expect(lookupPath(tree, 'lib', { followLast: false })?.node.kind).toBe('symlink');
    expect(lookupPath(tree, 'lib/os-release', { followLast: false })?.path).toBe('/usr/lib/os-release');
  });

  test('a circle of symlinks is an error', () => {
    expect(() => lookupPath(tree, 'lib/self')).toThrow(/too many symlinks/);
  });
});

test('lookupDirectory finds directories only', () => {
  expect(lookupDirectory(tree, 'lib')?.entries.has('os-release')).toBe(true);
  expect(lookupDirectory(tree, 'file')).toBeUndefined();
});

test('walkTree goes depth first in byte order', () => {
  const paths = [...walkTree(tree)].map(({ path }) => path);
  expect(paths).toEqual([
    '/',
    '/absolute',
    '/dangling',
    '/escape',
    '/file',
    '/lib',
    '/usr',
    '/usr/lib',
    '/usr/lib/os-release',
    '/usr/lib/self',
    '/usr/lib/up',
  ]);
});
