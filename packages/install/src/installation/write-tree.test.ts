import { lstatSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, operation } from '@slipway/core';
import type { DiskDirectory, DiskFile, DiskMetadata, DiskNode } from '@slipway/disk';
import { getXattr } from '@slipway/linux';
import { expect, test } from 'vitest';
import { writeTree } from './write-tree.ts';

const META: DiskMetadata = { mode: 0o640, uid: 0, gid: 0, mtimeSec: 1_700_000_000, mtimeNsec: 5 };
const own = process.getuid?.() ?? 0;

function file(text: string, more: Partial<DiskFile> = {}): DiskFile {
  const bytes = Buffer.from(text);
  return {
    kind: 'file',
    meta: { ...META, uid: own, gid: process.getgid?.() ?? 0 },
    sizeBytes: bytes.length,
    async *open() {
      yield bytes;
    },
    ...more,
  };
}

function directory(entries: Readonly<Record<string, DiskNode>>, mode = 0o750): DiskDirectory {
  const meta = { ...META, mode, uid: own, gid: process.getgid?.() ?? 0 };
  return { kind: 'directory', meta, entries: new Map(Object.entries(entries)) };
}

const OPTIONS = { keepsMetadata: true, seals: false, task: 'write', operation: operation() };

test('everything a tree says is there, in directories that were there too', async () => {
  await using dir = await makeTempDir('write-tree');
  await mkdir(join(dir.path, 'there'));
  await writeFile(join(dir.path, 'there/kept'), 'kept');
  const linked = file('linked');
  const sparse = file('end', { sizeBytes: 10_003, data: [{ offsetBytes: 10_000, lengthBytes: 3 }] });
  const flagged = file('x', {
    meta: { ...linked.meta, mode: 0o4755, xattrs: new Map([['user.note', Buffer.from('y')]]) },
  });
  const tree = directory({
    there: directory({ one: linked, two: linked, '\xc3\xa9': file('bytes') }, 0o700),
    link: { kind: 'symlink', meta: linked.meta, target: '../somewhere' },
    pipe: { kind: 'fifo', meta: linked.meta },
    sparse,
    flagged,
  });
  await writeTree(tree, dir.path, OPTIONS);
  const at = (name: string): string => join(dir.path, name);
  expect(readFileSync(at('there/kept'), 'utf8')).toBe('kept');
  expect(readFileSync(at('there/é'), 'utf8')).toBe('bytes');
  expect(statSync(at('there/one')).ino).toBe(statSync(at('there/two')).ino);
  expect(statSync(at('there/one'), { bigint: true })).toMatchObject({
    mode: 0o100640n,
    mtimeNs: 1_700_000_000_000_000_005n,
  });
  expect(statSync(at('there'), { bigint: true })).toMatchObject({
    mode: 0o40700n,
    mtimeNs: 1_700_000_000_000_000_005n,
  });
  expect(readlinkSync(at('link'))).toBe('../somewhere');
  expect(lstatSync(at('pipe')).isFIFO()).toBe(true);
  expect(readFileSync(at('sparse')).equals(Buffer.concat([Buffer.alloc(10_000), Buffer.from('end')]))).toBe(
    true,
  );
  expect(statSync(at('flagged')).mode & 0o7777).toBe(0o4755);
  expect(getXattr(at('flagged'), 'user.note')?.toString()).toBe('y');
});

test('where metadata means nothing, only names and bytes are written', async () => {
  await using dir = await makeTempDir('write-tree');
  const linked = file('same');
  await writeTree(directory({ a: linked, b: linked }), dir.path, { ...OPTIONS, keepsMetadata: false });
  expect(statSync(join(dir.path, 'a')).ino).not.toBe(statSync(join(dir.path, 'b')).ino);
  expect(readFileSync(join(dir.path, 'b'), 'utf8')).toBe('same');
});

test('a file that is there is not overwritten', async () => {
  await using dir = await makeTempDir('write-tree');
  await writeFile(join(dir.path, 'a'), 'mine');
  await expect(writeTree(directory({ a: file('yours') }), dir.path, OPTIONS)).rejects.toMatchObject({
    code: 'IO_FAILED',
  });
  expect(readFileSync(join(dir.path, 'a'), 'utf8')).toBe('mine');
});
