import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, run } from '@slipway/core';
import { expect, test } from 'vitest';
import { openRawTarget } from '../container/raw.ts';
import { writeSwap } from './swap.ts';

test('a swap area is what mkswap makes', async () => {
  await using temp = await makeTempDir('swap');
  const sizeBytes = 2 * 1024 ** 2;
  const uuid = '0657fd6d-a4ab-43c4-84e5-0933c84b4f4f';
  const ours = join(temp.path, 'ours');
  await using target = await openRawTarget(ours, sizeBytes);
  await writeSwap(target, { uuid, label: 'more room', sizeBytes });
  await target.finish();
  const theirs = join(temp.path, 'theirs');
  await writeFile(theirs, Buffer.alloc(sizeBytes));
  await run(['mkswap', '--pagesize', '4096', '-U', uuid, '-L', 'more room', theirs], {
    describe: 'make a swap area',
  });
  expect((await readFile(ours)).equals(await readFile(theirs))).toBe(true);
});

test('one that holds nothing is refused', async () => {
  const writer = { write: async (): Promise<void> => {} };
  await expect(writeSwap(writer as never, { uuid: '', sizeBytes: 4096 })).rejects.toMatchObject({
    code: 'DISK_TOO_SMALL',
  });
});
