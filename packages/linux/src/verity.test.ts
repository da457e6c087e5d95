import { execFileSync } from 'node:child_process';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, makeTempDir } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { enableVerity, measureVerity } from './verity.ts';

describe('fs-verity', () => {
  // Whether the temporary directory's file system has fs-verity is up to the machine; both answers have one right behaviour.
  test('seals a file and measures it, or says ENOTSUP in both', async () => {
    await using dir = await makeTempDir('verity-test');
    const path = join(dir.path, 'file');
    await writeFile(path, 'x'.repeat(10_000));
    const file = await open(path, 'r');
    try {
      const refusal = await enableVerity(file.fd, 'sha256').then(() => undefined, errnoOf);
      if (refusal === undefined) {
        const expected = execFileSync('fsverity', ['digest', '--compact', path], { encoding: 'utf8' }).trim();
        expect(measureVerity(file.fd)).toEqual({ algorithm: 'sha256', digest: Buffer.from(expected, 'hex') });
        await expect(enableVerity(file.fd, 'sha256')).rejects.toMatchObject({ code: 'EEXIST' });
      } else {
        expect(refusal).toBe('ENOTSUP');
        expect(() => measureVerity(file.fd)).toThrow(expect.objectContaining({ code: 'ENOTSUP' }));
      }
    } finally {
      await file.close();
    }
  });

  test('a file system without the calls says ENOTSUP, not ENOTTY', async () => {
    const file = await open('/proc/self/status', 'r');
    try {
      expect(() => measureVerity(file.fd)).toThrow(
        expect.objectContaining({ code: 'ENOTSUP', errno: -95, syscall: 'verityMeasure' }),
      );
      await expect(enableVerity(file.fd, 'sha512')).rejects.toThrow(/^(ENOTSUP|EROFS|EACCES): /);
    } finally {
      await file.close();
    }
  });

  test('a closed descriptor is an error of both', async () => {
    await expect(enableVerity(2 ** 30, 'sha256')).rejects.toMatchObject({ code: 'EBADF', errno: -9 });
    expect(() => measureVerity(2 ** 30)).toThrow(expect.objectContaining({ code: 'EBADF' }));
  });
});
