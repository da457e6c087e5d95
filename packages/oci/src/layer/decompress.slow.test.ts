import { execFileSync } from 'node:child_process';
import * as zlib from 'node:zlib';
import type { ByteStream } from '@slipway/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compress } from './compress.ts';
import { type Compression, declaredCompression, detectCompression, layerMediaType } from './compression.ts';
import { type DecompressOptions, decompress } from './decompress.ts';

async function* inPieces(bytes: Uint8Array, pieceBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

async function collect(stream: ByteStream): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function unpack(
  bytes: Uint8Array,
  pieceBytes = 1 << 16,
  options: DecompressOptions = {},
): Promise<Buffer> {
  return await collect(decompress(inPieces(bytes, pieceBytes), options));
}

const PLAIN = Buffer.concat([Buffer.alloc(300_000, 1), Buffer.from('some words that end the layer')]);
const SKIPPABLE = Buffer.concat([
  Buffer.from('5a2a4d18', 'hex'),
  Buffer.of(5, 0, 0, 0),
  Buffer.from('entry'),
]);
const zstd = (bytes: Uint8Array): Buffer => zlib.zstdCompressSync(bytes);
const gzip = (bytes: Uint8Array): Buffer => zlib.gzipSync(bytes);

test('what must be packed in one way is refused in any other', async () => {
  const options = { only: 'zstd' } as const;
  expect(await unpack(zstd(PLAIN), 1000, options)).toEqual(PLAIN);
  for (const packed of [gzip(PLAIN), PLAIN]) {
    await expect(unpack(packed, 1000, options)).rejects.toMatchObject({ code: 'OCI_COMPRESSION_INVALID' });
  }
});

describe('what unpacks', () => {
  const hello = Buffer.from('hello');
  const cases: [string, Buffer, Buffer][] = [
    ['plain bytes', PLAIN, PLAIN],
    ['nothing', Buffer.alloc(0), Buffer.alloc(0)],
    ['two plain bytes', Buffer.from('ab'), Buffer.from('ab')],
    ['gzip', gzip(PLAIN), PLAIN],
    ['gzip of nothing', gzip(Buffer.alloc(0)), Buffer.alloc(0)],
    [
      'gzip members',
      Buffer.concat([gzip(PLAIN), gzip(Buffer.alloc(0)), gzip(hello)]),
      Buffer.concat([PLAIN, hello]),
    ],
    ['zstd', zstd(PLAIN), PLAIN],
    ['zstd of nothing', zstd(Buffer.alloc(0)), Buffer.alloc(0)],
    [
      'zstd frames',
      Buffer.concat([zstd(PLAIN), zstd(hello), zstd(PLAIN)]),
      Buffer.concat([PLAIN, hello, PLAIN]),
    ],
    [
      'skippable frames first, between, last',
      Buffer.concat([SKIPPABLE, zstd(hello), SKIPPABLE, SKIPPABLE, zstd(PLAIN), SKIPPABLE]),
      Buffer.concat([hello, PLAIN]),
    ],
    [
      'many small zstd frames',
      Buffer.concat(Array.from({ length: 500 }, () => zstd(hello))),
      Buffer.from('hello'.repeat(500)),
    ],
    [
      'zstd with a checksum and a long window, from the zstd program',
      execFileSync('zstd', ['-19', '--long=27', '--check', '-c'], { input: PLAIN }),
      PLAIN,
    ],
    ['gzip from the gzip program', execFileSync('gzip', ['-9', '-c'], { input: PLAIN }), PLAIN],
  ];
  test.each(cases)('%s', async (_what, packed, plain) => {
    for (const pieceBytes of [1, 3, 1000, 1 << 20]) {
      if (packed.length / pieceBytes > 20_000) continue;
      expect((await unpack(packed, pieceBytes)).equals(plain)).toBe(true);
    }
  });
});

test.each([
  ['gzip', gzip],
  ['zstd', zstd],
] as const)('%s: memory that was read is freed where the reader says so', async (_what, pack) => {
  const plain = Buffer.from(Array.from({ length: 1_000_000 }, (_, index) => (index * 2_654_435_761) >>> 13));
  const seen: Uint8Array[] = [];
  const copies: Uint8Array[] = [];
  for await (const chunk of decompress(inPieces(pack(plain), 1000), { reuseChunks: true })) {
    seen.push(chunk);
    copies.push(Uint8Array.from(chunk));
  }
  expect(Buffer.concat(copies).equals(plain)).toBe(true);
  // All but those in the last buffer, which the engine did not fill.
  const keptBytes = seen.reduce((sum, { length }) => sum + length, 0);
  expect(keptBytes).toBeLessThan(256 * 1024);
});

describe('what is refused', () => {
  const garbage = Buffer.from('garbage');
  const cases: [string, Buffer][] = [
    ['gzip cut in its body', gzip(PLAIN).subarray(0, -12)],
    ['gzip cut in its trailer', gzip(PLAIN).subarray(0, -1)],
    ['gzip cut in a later header', Buffer.concat([gzip(PLAIN), gzip(PLAIN).subarray(0, 5)])],
    [
      'gzip with a wrong checksum',
      Buffer.concat([gzip(PLAIN).subarray(0, -8), Buffer.alloc(4), gzip(PLAIN).subarray(-4)]),
    ],
    ['bytes after gzip', Buffer.concat([gzip(PLAIN), garbage])],
    ['zeros after gzip', Buffer.concat([gzip(PLAIN), Buffer.alloc(20)])],
    ['zstd cut in its body', zstd(PLAIN).subarray(0, -1)],
    ['zstd cut in a later frame', Buffer.concat([zstd(PLAIN), zstd(PLAIN).subarray(0, 6)])],
    ['zstd cut in a later magic', Buffer.concat([zstd(PLAIN), zstd(PLAIN).subarray(0, 2)])],
    ['zstd cut after a later magic', Buffer.concat([zstd(PLAIN), zstd(PLAIN).subarray(0, 4)])],
    ['a skippable frame cut', Buffer.concat([zstd(PLAIN), SKIPPABLE.subarray(0, -1)])],
    ['bytes after zstd', Buffer.concat([zstd(PLAIN), garbage])],
    ['few bytes after zstd', Buffer.concat([zstd(PLAIN), garbage.subarray(0, 1)])],
    ['zeros after zstd', Buffer.concat([zstd(PLAIN), Buffer.alloc(20)])],
    ['damaged zstd', Buffer.concat([zstd(PLAIN).subarray(0, 8), Buffer.alloc(50, 0xff)])],
    ['a zstd window of 2 GiB', Buffer.from('28b52ffd00a8190000616263', 'hex')],
  ];
  test.each(cases)('%s', async (_what, packed) => {
    for (const pieceBytes of [1, 10, 1000, 1 << 20]) {
      await expect(unpack(packed, pieceBytes)).rejects.toMatchObject({ code: 'OCI_COMPRESSION_INVALID' });
    }
  });

  test('a bomb', async () => {
    for (const packed of [gzip(Buffer.alloc(5_000_000)), zstd(Buffer.alloc(5_000_000))]) {
      await expect(unpack(packed, 1000, { limitBytes: 4_999_999, what: 'layer 3' })).rejects.toMatchObject({
        code: 'OCI_COMPRESSION_INVALID',
        message: 'cannot decompress layer 3: it unpacks to more than 4999999 bytes',
      });
      expect((await unpack(packed, 1000, { limitBytes: 5_000_000 })).length).toBe(5_000_000);
    }
  });
});

describe('the stream underneath', () => {
  const random = Buffer.from(Array.from({ length: 400_000 }, (_, index) => (index * 2_654_435_761) >>> 13));

  test.each(['gzip', 'zstd', 'none'] as const)(
    '%s: its error passes through as it is',
    async (compression) => {
      const packed = await collect(compress(inPieces(random, 5000), compression));
      const lost = new Error('the network is gone');
      async function* failing(): AsyncGenerator<Uint8Array> {
        yield packed.subarray(0, packed.length - 100);
        throw lost;
      }
      await expect(collect(decompress(failing()))).rejects.toBe(lost);
    },
  );

  test.each(['gzip', 'zstd', 'none'] as const)(
    '%s: it is closed when the reader stops early',
    async (compression) => {
      const packed = await collect(compress(inPieces(random, 5000), compression));
      let closed = false;
      async function* source(): AsyncGenerator<Uint8Array> {
        try {
          yield* inPieces(packed, 1000);
          for (;;) yield packed;
        } finally {
          closed = true;
        }
      }
      for await (const chunk of decompress(source())) {
        expect(chunk.length).toBeGreaterThan(0);
        break;
      }
      expect(closed).toBe(true);
    },
  );
});

test('what is compressed unpacks to the same, here and with the standard programs, and is the same each time', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 8 }),
      fc.constantFrom<Compression>('none', 'gzip', 'zstd'),
      async (parts, compression) => {
        const plain = Buffer.concat(parts);
        async function* source(): AsyncGenerator<Uint8Array> {
          yield* parts;
        }
        const packed = await collect(compress(source(), compression));
        expect(await collect(compress(source(), compression))).toEqual(packed);
        expect(await unpack(packed)).toEqual(plain);
      },
    ),
    { numRuns: 100 },
  );
  const gz = await collect(compress(inPieces(PLAIN, 1000), 'gzip'));
  expect([...gz.subarray(4, 10)]).toEqual([0, 0, 0, 0, 0, 255]);
  expect(execFileSync('gzip', ['-dc'], { input: gz }).equals(PLAIN)).toBe(true);
  const zst = await collect(compress(inPieces(PLAIN, 1000), 'zstd'));
  expect(execFileSync('zstd', ['-dc'], { input: zst }).equals(PLAIN)).toBe(true);
});

test('media types', () => {
  expect(declaredCompression('application/vnd.oci.image.layer.v1.tar+zstd')).toBe('zstd');
  expect(declaredCompression('application/vnd.docker.image.rootfs.diff.tar.gzip')).toBe('gzip');
  for (const compression of ['none', 'gzip', 'zstd'] as const) {
    expect(declaredCompression(layerMediaType(compression))).toBe(compression);
  }
  expect(() => declaredCompression('text/plain')).toThrow(
    expect.objectContaining({ code: 'OCI_MANIFEST_INVALID' }),
  );
  expect(detectCompression(Buffer.from('usr/bin'))).toBe('none');
});
