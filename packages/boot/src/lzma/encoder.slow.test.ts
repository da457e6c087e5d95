import { run } from '@slipway/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeLzma } from './encoder.ts';

/** What xz, which reads the older format with its header of 13 bytes, makes of a stream. */
async function unpack(stream: Uint8Array, sizeBytes: number): Promise<Buffer> {
  const header = Buffer.alloc(13);
  // lc=3, lp=0, pb=2
  header.writeUInt8(0x5d, 0);
  header.writeUInt32LE(1 << 24, 1);
  header.writeBigUInt64LE(BigInt(sizeBytes), 5);
  const { stdout } = await run(['xz', '--format=lzma', '--decompress', '--stdout'], {
    describe: 'unpack',
    debianPackage: 'xz-utils',
    input: Buffer.concat([header, stream]),
  });
  return stdout;
}

describe('an LZMA stream', () => {
  test.each([
    ['one byte', Buffer.from([7])],
    ['the same byte for ever', Buffer.alloc(300_000, 0xaa)],
    ['text', Buffer.from('the quick brown fox jumps over the lazy dog, '.repeat(2000))],
    ['far repeats', Buffer.concat([noise(1, 200_000), Buffer.alloc(100_000), noise(1, 200_000)])],
    ['bytes that carry', Buffer.from(Array.from({ length: 70_000 }, (_, index) => (index * index) & 0xff))],
    ['noise', noise(2, 100_000)],
  ])('is unpacked by xz: %s', async (_, data) => {
    const stream = encodeLzma(data);
    expect((await unpack(stream, data.length)).equals(data)).toBe(true);
  });

  test('is unpacked by xz whatever was packed', async () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc
        .tuple(fc.uint8Array({ minLength: 1, maxLength: 8 }), fc.integer({ min: 1, max: 80 }))
        .map(([bytes, times]) => Uint8Array.from(Buffer.alloc(bytes.length * times, bytes))),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 8 }), async (pieces) => {
        const data = Buffer.concat(pieces);
        fc.pre(data.length > 0);
        expect((await unpack(encodeLzma(data), data.length)).equals(data)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  test('is smaller where there is something to pack', () => {
    const data = Buffer.from('console=ttyS0,115200n8 root=UUID=1234 '.repeat(500));
    expect(encodeLzma(data).length).toBeLessThan(data.length / 50);
    expect(encodeLzma(data).equals(encodeLzma(data))).toBe(true);
  });
});

function noise(seed: number, length: number): Buffer {
  let state = seed;
  return Buffer.from(
    Array.from({ length }, () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return state >>> 24;
    }),
  );
}
