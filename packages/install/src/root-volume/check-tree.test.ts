import type { DiskDirectory, DiskMetadata, DiskNode } from '@slipway/disk';
import { expect, test } from 'vitest';
import { bytesFile } from '../disk-tree.ts';
import { refuseUnfit } from './check-tree.ts';

const META: DiskMetadata = { mode: 0o644, uid: 0, gid: 0, mtimeSec: 0, mtimeNsec: 0 };
const TWICE = bytesFile(Buffer.from('x'), META);

function tree(entries: Readonly<Record<string, DiskNode>>): DiskDirectory {
  return { kind: 'directory', meta: { ...META, mode: 0o755 }, entries: new Map(Object.entries(entries)) };
}

function withAttribute(name: string): DiskNode {
  return bytesFile(Buffer.from('x'), { ...META, xattrs: new Map([[name, Buffer.from('v')]]) });
}

const CAPABLE = tree({ etc: tree({ ping: withAttribute('security.capability') }) });

test.each<['btrfs' | 'xfs', boolean, DiskDirectory]>([
  ['btrfs', false, tree({ 'a name ': TWICE, own: withAttribute('user.note') })],
  ['btrfs', true, CAPABLE],
  ['xfs', false, tree({ ':etc:ssh': TWICE, dir: tree({ 'a b': tree({}) }) })],
])('%s carries it (root: %s)', (fileSystem, isRoot, carried) => {
  expect(() => refuseUnfit(fileSystem, carried, isRoot)).not.toThrow();
});

test.each<['btrfs' | 'xfs', boolean, DiskDirectory, readonly string[]]>([
  [
    'btrfs',
    false,
    CAPABLE,
    ['/etc/ping has the attribute security.capability, which only root can give a copy of it'],
  ],
  ['xfs', true, CAPABLE, ['/etc/ping has the attribute security.capability']],
  ['btrfs', true, tree({ a: TWICE, b: TWICE }), ['/b is a second name of another file']],
  [
    'btrfs',
    true,
    tree({
      null: { kind: 'character-device', meta: META, major: 1, minor: 3 },
      pipe: { kind: 'fifo', meta: META },
    }),
    ['/null is a character device', '/pipe is a fifo'],
  ],
  [
    'xfs',
    false,
    tree({
      $: TWICE,
      link: { kind: 'symlink', meta: META, target: 'two words' },
      long: { kind: 'symlink', meta: META, target: 'x'.repeat(337) },
      large: { kind: 'file', meta: META, sizeBytes: 2 ** 31, async *open() {} },
    }),
    [
      '/$ has a name that its prototype file cannot hold',
      '/link leads to where its prototype file cannot say',
      '/long leads to where takes more than 336 bytes to say',
      '/large is larger than 2 GiB',
    ],
  ],
  [
    'xfs',
    false,
    tree({ 'a b': bytesFile(Buffer.from('1'), META), 'a!\xe2': bytesFile(Buffer.from('2'), META) }),
    ['/ holds a b, which its prototype file cannot tell from another'],
  ],
])('%s does not (root: %s)', (fileSystem, isRoot, refused, findings) => {
  expect(() => refuseUnfit(fileSystem, refused, isRoot)).toThrow(
    expect.objectContaining({ code: 'DISK_TREE_INVALID', findings }),
  );
});

test('of very many reasons some are told', () => {
  const entries = Object.fromEntries(
    Array.from({ length: 1000 }, (_, index) => [`f${index}`, withAttribute('user.x')]),
  );
  expect(() => refuseUnfit('xfs', tree(entries))).toThrow(
    expect.objectContaining({ findings: expect.arrayContaining(['and 980 more']) }),
  );
});
