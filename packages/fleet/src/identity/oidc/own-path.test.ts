import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ownPath } from './own-path.ts';

const SERVER = 'https://fleet.example:8443';

test.each([
  [undefined, '/'],
  ['', '/'],
  ['/', '/'],
  ['/devices?selector=a%3Db&page=2#top', '/devices?selector=a%3Db&page=2#top'],
  ['/a/../rollouts', '/rollouts'],
])('%s is a page of this server', (returnTo, path) => {
  expect(ownPath(returnTo, SERVER)).toBe(path);
});

test.each([
  'https://evil.example/',
  '//evil.example/',
  '/\\evil.example/',
  '/a\\..\\..\\evil',
  '\\/evil.example',
  '/\t/evil.example',
  '/a/..//evil.example',
  '/.//evil.example',
  'javascript:alert(1)',
  'devices',
  ' /devices',
  '/\r\nset-cookie: a=b',
])('%j is none', (returnTo) => {
  expect(() => ownPath(returnTo, SERVER)).toThrow(/page of another server/);
});

test('whatever is asked for, a browser stays at this server', () => {
  const part = fc.constantFrom(
    '/',
    '\\',
    '.',
    '..',
    'evil.example',
    '@',
    ':',
    '%2f',
    '%5c',
    '?',
    '#',
    '\t',
    'a',
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
      let path: string;
      try {
        path = ownPath(`/${parts.join('')}`, SERVER);
      } catch {
        return;
      }
      expect(new URL(path, SERVER).origin).toBe(SERVER);
      expect(path).toMatch(/^\/(?![/\\])/);
    }),
  );
});
