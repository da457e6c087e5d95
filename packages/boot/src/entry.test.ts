import { isSlipwayError } from '@slipway/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  bootEntryFiles,
  bootEntryOptions,
  bootEntryValue,
  deploymentEntry,
  formatBootEntry,
  parseBootEntry,
  withBootEntryOptions,
} from './entry.ts';

const FOREIGN = `# made by hand
title      Debian  GNU/Linux
version 6.12
options root=UUID=1 ro

linux \\EFI\\debian\\vmlinuz
initrd /EFI/debian/ucode
initrd EFI/debian/initrd
options quiet
x-options-source-a b
empty
`;

describe('boot entries', () => {
  test('read what others wrote, unknown keys included', () => {
    const entry = parseBootEntry(FOREIGN, 'debian.conf');
    expect(bootEntryValue(entry, 'title')).toBe('Debian  GNU/Linux');
    expect(bootEntryValue(entry, 'x-options-source-a')).toBe('b');
    expect(bootEntryValue(entry, 'empty')).toBeUndefined();
    expect(bootEntryOptions(entry)).toBe('root=UUID=1 ro quiet');
    expect(bootEntryFiles(entry)).toEqual(['/EFI/debian/vmlinuz', '/EFI/debian/ucode', '/EFI/debian/initrd']);
  });

  test('replace the command line in its place', () => {
    const entry = withBootEntryOptions(parseBootEntry(FOREIGN, 'debian.conf'), 'a b');
    expect(entry.fields.map(({ key }) => key)).toEqual([
      'title',
      'version',
      'options',
      'linux',
      'initrd',
      'initrd',
      'x-options-source-a',
    ]);
    expect(bootEntryOptions(entry)).toBe('a b');
    expect(bootEntryOptions(withBootEntryOptions({ fields: [] }, 'c'))).toBe('c');
  });

  test('of a deployment are exactly this text', () => {
    const entry = deploymentEntry({
      title: 'Debian 13\n(v2)',
      kernelDirectory: '/EFI/Linux/slipway-ab',
      options: 'root=UUID=1 rw composefs=ab',
    });
    expect(formatBootEntry(entry)).toBe(
      'title Debian 13 (v2)\nsort-key slipway\nlinux /EFI/Linux/slipway-ab/linux\n' +
        'initrd /EFI/Linux/slipway-ab/initrd\noptions root=UUID=1 rw composefs=ab\n',
    );
  });

  test.each([
    ['NUL', 'title a\0b'],
    ['a file of another kind', '<html>hello'],
    ['too much', `title ${'x'.repeat(70_000)}`],
  ])('refuse %s', (_what, text) => {
    expect(() => parseBootEntry(text, 'bad.conf')).toThrow(/boot entry bad\.conf/);
  });

  test('refuse to write what would not read back', () => {
    for (const value of ['a\nlinux /evil', ' a', '', 'a\rb']) {
      expect(() => formatBootEntry({ fields: [{ key: 'title', value }] })).toThrow(/does not fit a line/);
    }
    expect(() => formatBootEntry({ fields: [{ key: 'a b', value: 'c' }] })).toThrow(/not a key/);
  });

  test('survive writing and reading', () => {
    const key = fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/);
    const value = fc
      .string({ minLength: 1 })
      .filter((text) => !/[\n\r\0]/.test(text) && text.trim() === text);
    fc.assert(
      fc.property(fc.array(fc.record({ key, value }), { maxLength: 12 }), (fields) => {
        expect(parseBootEntry(formatBootEntry({ fields }), 'x').fields).toEqual(fields);
      }),
    );
  });

  test('never fail in another way on any text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          parseBootEntry(text, 'x');
        } catch (thrown) {
          expect(isSlipwayError(thrown, 'BOOT_ENTRY_INVALID')).toBe(true);
        }
      }),
    );
  });
});
