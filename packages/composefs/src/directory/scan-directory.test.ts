import { link, mkdir, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isSlipwayError, makeTempDir } from '@slipway/core';
import { setFileTimes, setXattr } from '@slipway/linux';
import { expect, test } from 'vitest';
import { initRepository } from '../repository/init.ts';
import { measureBytes } from '../verity/measure.ts';
import { scanDirectory } from './scan-directory.ts';

const LARGE = Buffer.alloc(3_000_000, 'large');

/** A directory with one of everything an ordinary user can make. */
async function fill(path: string): Promise<void> {
  await mkdir(join(path, 'sub'), { mode: 0o750 });
  await writeFile(join(path, 'empty'), '');
  await writeFile(join(path, 'inline'), 'x'.repeat(64));
  await writeFile(join(path, 'object'), 'x'.repeat(65), { mode: 0o600 });
  await writeFile(join(path, 'sub/large'), LARGE);
  await link(join(path, 'inline'), join(path, 'sub/second-name'));
  await symlink('../nowhere', join(path, 'symlink'));
  await writeFile(Buffer.concat([Buffer.from(path), Buffer.from([0x2f, 0xff, 0xfe])]), 'not UTF-8');
  setFileTimes(join(path, 'object'), { modified: { sec: -2, nsec: 500_000_001 } });
  setXattr(join(path, 'object'), 'user.note', Buffer.from([0, 0xff]));
}

test('everything in a directory is in its tree', async () => {
  await using dir = await makeTempDir('scan');
  await fill(dir.path);
  const { entries } = await scanDirectory(dir.path);
  expect(new Set(entries.keys())).toEqual(
    new Set(['sub', 'empty', 'inline', 'object', 'symlink', '\xff\xfe']),
  );
  const sub = entries.get('sub');
  const inner = sub?.kind === 'directory' ? sub.entries : new Map<string, never>();
  expect(sub?.meta.mode).toBe(0o750);
  expect(inner.get('second-name')).toBe(entries.get('inline'));
  expect(inner.get('large')).toMatchObject({
    content: { kind: 'object', sizeBytes: LARGE.length, digest: measureBytes(LARGE, 'sha256') },
  });
  expect(entries.get('empty')).toMatchObject({ content: { kind: 'inline', bytes: Buffer.alloc(0) } });
  expect(entries.get('inline')).toMatchObject({ content: { kind: 'inline', bytes: Buffer.alloc(64, 'x') } });
  expect(entries.get('symlink')).toMatchObject({ kind: 'symlink', target: '../nowhere' });
  expect(entries.get('object')).toMatchObject({
    meta: {
      mode: 0o600,
      mtimeSec: -2,
      mtimeNsec: 500_000_001,
      xattrs: new Map([['user.note', Buffer.from([0, 0xff])]]),
    },
    content: { kind: 'object', sizeBytes: 65, digest: measureBytes(Buffer.alloc(65, 'x'), 'sha256') },
  });
});

test('the options leave out what they say', async () => {
  await using dir = await makeTempDir('scan');
  await fill(dir.path);
  const tree = await scanDirectory(dir.path, {
    algorithm: 'sha512',
    xattrs: 'none',
    useEpoch: true,
    hardLinks: 'separate',
  });
  const object = tree.entries.get('object');
  expect(object?.meta).toMatchObject({ mtimeSec: 0, mtimeNsec: 0, xattrs: new Map() });
  expect(object).toMatchObject({ content: { digest: measureBytes(Buffer.alloc(65, 'x'), 'sha512') } });
  const sub = tree.entries.get('sub');
  const other = sub?.kind === 'directory' ? sub.entries.get('second-name') : undefined;
  expect(other).toEqual(tree.entries.get('inline'));
  expect(other).not.toBe(tree.entries.get('inline'));
});

test('bodies are put where they are asked for, and are the same tree', async () => {
  await using dir = await makeTempDir('scan');
  const source = join(dir.path, 'source');
  await mkdir(source);
  await fill(source);
  const store = await initRepository(join(dir.path, 'store'));
  const tree = await scanDirectory(source, { objects: store });
  expect(tree).toEqual(await scanDirectory(source));
  expect(store.hasObject(measureBytes(LARGE, 'sha256').toString('hex'))).toBe(true);
});

test('what is not there is named', async () => {
  await using dir = await makeTempDir('scan');
  const error: unknown = await scanDirectory(join(dir.path, 'missing')).catch((thrown: unknown) => thrown);
  expect(isSlipwayError(error, 'IO_FAILED') && error.details['path']).toBe(join(dir.path, 'missing'));
});

test('a sparse file is read as what it shows', async () => {
  await using dir = await makeTempDir('scan');
  await writeFile(join(dir.path, 'holes'), '');
  await truncate(join(dir.path, 'holes'), 5_000_000);
  const { entries } = await scanDirectory(dir.path);
  await rm(join(dir.path, 'holes'));
  expect(entries.get('holes')).toMatchObject({
    content: { digest: measureBytes(Buffer.alloc(5_000_000), 'sha256') },
  });
});
