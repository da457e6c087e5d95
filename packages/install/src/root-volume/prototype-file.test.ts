import type { DiskDirectory, DiskMetadata, DiskNode } from '@slipway/disk';
import { expect, test } from 'vitest';
import { bytesFile } from '../disk-tree.ts';
import { prototypeFile } from './prototype-file.ts';

const META: DiskMetadata = { mode: 0o644, uid: 0, gid: 0, mtimeSec: 0, mtimeNsec: 0 };

function directory(mode: number, entries: readonly (readonly [string, DiskNode])[]): DiskDirectory {
  return { kind: 'directory', meta: { ...META, mode, gid: 8 }, entries: new Map(entries) };
}

test('a tree is a word for each part of it', () => {
  const tree = directory(0o755, [
    ['su', bytesFile(Buffer.from('x'), { ...META, mode: 0o4755, uid: 3_000_000_000 })],
    ['mail', directory(0o2070, [['a b', bytesFile(Buffer.alloc(0), META)]])],
    ['link', { kind: 'symlink', meta: { ...META, mode: 0o777 }, target: 'gr\xc3\xbc\xc3\x9fe' }],
  ]);
  let number = 0;
  expect(prototypeFile(tree, () => `/tmp/${number++}`).toString()).toBe(
    [
      'slipway',
      '0 0',
      'd--755 0 8',
      'su -u-755 3000000000 0 /tmp/0',
      'mail d-g070 0 8',
      'a!\ufffd ---644 0 0 /tmp/1',
      '$',
      'link l--777 0 0 grüße',
      '$',
      '',
    ].join('\n'),
  );
});
