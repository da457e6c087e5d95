import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import {
  decodeLoaderVariable,
  encodeLoaderVariable,
  readLoaderVariable,
  setLoaderVariable,
} from './efi-variables.ts';

describe('variables of the boot loader', () => {
  test('are four bytes of attributes and UTF-16', () => {
    const bytes = encodeLoaderVariable('slipway-1.conf');
    expect(bytes.toString('hex', 0, 8)).toBe('0700000073006c00');
    expect(bytes.toString('hex', bytes.length - 2)).toBe('0000');
    expect(decodeLoaderVariable(bytes)).toBe('slipway-1.conf');
  });

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['attributes only', Buffer.alloc(4)],
    ['half a character', Buffer.alloc(7)],
    ['a control character', encodeLoaderVariable('a\u001bb')],
    ['too much', Buffer.alloc(5000, 0x41)],
  ])('are absent when the firmware holds %s', (_what, bytes) => {
    expect(decodeLoaderVariable(bytes)).toBeUndefined();
  });

  test('are set, read and removed', async () => {
    await using dir = await makeTempDir('efivars');
    expect(await readLoaderVariable('LoaderEntryDefault', dir.path)).toBeUndefined();
    await setLoaderVariable('LoaderEntryDefault', 'a.conf', dir.path);
    expect(await readLoaderVariable('LoaderEntryDefault', dir.path)).toBe('a.conf');
    await setLoaderVariable('LoaderEntryDefault', undefined, dir.path);
    await setLoaderVariable('LoaderEntryDefault', undefined, dir.path);
    expect(await readLoaderVariable('LoaderEntryDefault', dir.path)).toBeUndefined();
  });

  test('without UEFI are absent', async () => {
    await using dir = await makeTempDir('efivars');
    await writeFile(join(dir.path, 'other'), '');
    expect(await readLoaderVariable('LoaderDevicePartUUID', join(dir.path, 'missing'))).toBeUndefined();
  });
});
