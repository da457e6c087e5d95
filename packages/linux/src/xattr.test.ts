import { lstatSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { getXattr, listXattrs, readXattrs, removeXattr, setXattr } from './xattr.ts';

describe('extended attributes', () => {
  test('any bytes come back as they were set', async () => {
    await using dir = await makeTempDir('xattr-test');
    const path = join(dir.path, 'file');
    writeFileSync(path, '');
    const nameByte = fc.integer({ min: 1, max: 255 }).map((byte) => String.fromCharCode(byte));
    const name = fc.string({ unit: nameByte, minLength: 1, maxLength: 60 }).map((rest) => `user.${rest}`);
    fc.assert(
      fc.property(name, fc.uint8Array({ maxLength: 512 }), (key, value) => {
        setXattr(path, key, value);
        expect(readXattrs(path)).toEqual(new Map([[key, Buffer.from(value)]]));
        removeXattr(path, key);
        expect(listXattrs(path)).toEqual([]);
      }),
    );
  });

  test('create and replace mean what they say', async () => {
    await using dir = await makeTempDir('xattr-test');
    const path = join(dir.path, 'file');
    writeFileSync(path, '');
    expect(getXattr(path, 'user.a')).toBeUndefined();
    expect(() => setXattr(path, 'user.a', Buffer.from('1'), 'replace')).toThrow(
      expect.objectContaining({ code: 'ENODATA', path }),
    );
    setXattr(path, 'user.a', Buffer.from('1'), 'create');
    expect(() => setXattr(path, 'user.a', Buffer.from('2'), 'create')).toThrow(
      expect.objectContaining({ code: 'EEXIST' }),
    );
    setXattr(path, 'user.a', Buffer.from('3'), 'replace');
    expect(getXattr(path, 'user.a')?.toString()).toBe('3');
    expect(() => removeXattr(path, 'user.b')).toThrow(expect.objectContaining({ code: 'ENODATA' }));
  });

  test('a symlink is not followed', async () => {
    await using dir = await makeTempDir('xattr-test');
    const [path, link] = [join(dir.path, 'file'), join(dir.path, 'link')];
    writeFileSync(path, '');
    symlinkSync('file', link);
    setXattr(path, 'user.a', Buffer.from('1'));
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(getXattr(link, 'user.a')).toBeUndefined();
    expect(() => setXattr(link, 'user.a', Buffer.from('1'))).toThrow(
      expect.objectContaining({ code: 'EPERM' }),
    );
  });
});
