import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { refuseTight, roomOf } from './room.ts';

const ROOT = { mountpoint: '/', bytes: 4_000_000_000, neededBytes: 1_000_000_000 };
const BOOT = { mountpoint: '/boot/efi', bytes: 100_000_000, neededBytes: 200_000_000 };

test('every file system with too little room is told at once', () => {
  expect(() => refuseTight('/', [ROOT])).not.toThrow();
  expect(() => refuseTight('/', [{ ...ROOT, bytes: 1 }, BOOT])).toThrow(
    expect.objectContaining({
      code: 'DISK_TOO_SMALL',
      findings: [
        '/ has room for 1 B, and 1.0 GB are needed',
        '/boot/efi has room for 100 MB, and 200 MB are needed',
      ],
    }),
  );
});

test('a file system has more room once it is emptied', async () => {
  const free = await roomOf(tmpdir(), { emptied: false });
  expect(free).toBeGreaterThan(0);
  expect(await roomOf(tmpdir(), { emptied: true })).toBeGreaterThan(free);
  await expect(roomOf('/nowhere/at/all', { emptied: true })).rejects.toMatchObject({ code: 'IO_FAILED' });
});
