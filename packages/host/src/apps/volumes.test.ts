import { expect, test } from 'vitest';
import { volumeDirectories } from './volumes.ts';

test('a volume inside another is a directory of that one', () => {
  expect(volumeDirectories(['/data/cache/a', '/var/lib/db', '/data'])).toEqual([
    { path: '/data', directory: 'data', isNested: false },
    { path: '/data/cache/a', directory: 'data/cache/a', isNested: true },
    { path: '/var/lib/db', directory: 'var-lib-db', isNested: false },
  ]);
});
