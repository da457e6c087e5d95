import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { makeTempDir, run } from '@slipway/core';
import * as fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { initramfsNames } from './initramfs-names.ts';

let archive: Buffer;

beforeAll(async () => {
  await using dir = await makeTempDir('cpio');
  await mkdir(join(dir.path, 'usr/lib'), { recursive: true });
  await writeFile(join(dir.path, 'usr/lib/large'), Buffer.alloc(300_001, 7));
  await writeFile(join(dir.path, 'usr/lib/empty'), '');
  const argv = ['bsdtar', '--format', 'newc', '-cf', '-', '-C', dir.path, 'usr'] as const;
  const made = await run(argv, { describe: 'make an archive' });
  archive = made.stdout;
});

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
}

test.each<[string, (bytes: Buffer) => Buffer]>([
  ['not packed', (bytes) => bytes],
  ['gzip', gzipSync],
  ['zstd', zstdCompressSync],
])('names are found: %s', async (_, pack) => {
  const packed = pack(archive);
  const names = await initramfsNames(() => pieces(packed));
  expect([...names].toSorted()).toEqual(['usr', 'usr/lib', 'usr/lib/empty', 'usr/lib/large']);
});

test('anything else is refused with a reason', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(archive.length - 1), fc.nat(400), async (end, at) => {
      const bytes = Buffer.from(archive.subarray(0, end));
      if (at < bytes.length) bytes.writeUInt8(bytes.readUInt8(at) ^ 0x41, at);
      await initramfsNames(() => pieces(bytes)).catch((error: unknown) =>
        expect(error).toMatchObject({ code: 'IMAGE_NOT_BOOTABLE' }),
      );
    }),
    { numRuns: 60 },
  );
  await expect(initramfsNames(() => pieces(Buffer.from('BZh91AY&SY')))).rejects.toMatchObject({
    code: 'IMAGE_NOT_BOOTABLE',
    message: expect.stringContaining('packed in a way that is not known'),
  });
});
