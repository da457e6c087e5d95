import { open } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { syncFileSystem } from './sync.ts';

test('syncs the file system of an open file; a descriptor that is none is an error', async () => {
  await using file = await open('/proc/self/status', 'r');
  await expect(syncFileSystem(file.fd)).resolves.toBeUndefined();
  await expect(syncFileSystem(2 ** 30)).rejects.toMatchObject({
    code: 'EBADF',
    errno: -9,
    syscall: 'syncfs',
  });
});
