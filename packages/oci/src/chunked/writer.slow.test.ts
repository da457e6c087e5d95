import { createCipheriv, createHash } from 'node:crypto';
import { zstdDecompressSync } from 'node:zlib';
import { collectBytes } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { decompress } from '../layer/decompress.ts';
import type { TarHeader } from '../tar/entry.ts';
import { type TarInput, writeTar } from '../tar/writer.ts';
import { Crc64 } from './crc64.ts';
import { ANNOTATIONS, chunkedInfo, MAX_TOC_BYTES } from './format.ts';
import { parseToc } from './toc.ts';
import { compressChunked } from './writer.ts';

const HEADER: TarHeader = {
  kind: 'file',
  path: '',
  linkTarget: '',
  mode: 0o644,
  uid: 0,
  gid: 0,
  sizeBytes: 0,
  mtimeSec: 1_700_000_000,
  mtimeNsec: 0,
  deviceMajor: 0,
  deviceMinor: 0,
  xattrs: new Map(),
};

function file(path: string, body: Uint8Array, extra: Partial<TarHeader> = {}): TarInput {
  return { ...HEADER, path, sizeBytes: body.length, body: [body], ...extra };
}

/** Bytes that do not compress, the same every time. */
function noise(seed: string, sizeBytes: number): Buffer {
  const key = createHash('sha256').update(seed).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(sizeBytes));
}

const MEMBERS: readonly TarInput[] = [
  { ...HEADER, kind: 'directory', path: 'usr/', mode: 0o755 },
  file('usr/small', Buffer.from('small')),
  file('usr/empty', Buffer.alloc(0)),
  file('usr/large', noise('large', 9_000_000), { xattrs: new Map([['user.a', Buffer.of(0, 255)]]) }),
  { ...HEADER, kind: 'symlink', path: 'usr/link', linkTarget: 'small' },
  { ...HEADER, kind: 'hardlink', path: 'usr/hard', linkTarget: 'usr/small' },
];

const all = (stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> =>
  collectBytes(stream, 2 ** 30, () => new Error('too long'));

async function packed(members: readonly TarInput[]): Promise<{
  readonly blob: Buffer;
  readonly annotations: Readonly<Record<string, string>> | undefined;
}> {
  const layer = compressChunked(writeTar(members), { level: 1 });
  const blob = Buffer.from(await all(layer.stream));
  return { blob, annotations: layer.annotations() };
}

test('the checksum of tar-split is CRC-64/GO-ISO', () => {
  const crc = new Crc64();
  crc.update(Buffer.from('1234'));
  crc.update(Buffer.from('56789'));
  expect(crc.digest().toString('hex')).toBe('b90956c775a41001');
});

describe('compressChunked', () => {
  test('is a zstd layer with the bytes of the archive, the same every time', async () => {
    const [one, other] = [await packed(MEMBERS), await packed(MEMBERS)];
    expect(one.blob.equals(other.blob)).toBe(true);
    async function* blob(): AsyncGenerator<Uint8Array, void, undefined> {
      yield one.blob;
    }
    const plain = await all(decompress(blob()));
    expect(Buffer.from(plain).equals(Buffer.from(await all(writeTar(MEMBERS))))).toBe(true);
  });

  test('has a table of contents where the annotations say, with every content where it says', async () => {
    const { blob, annotations = {} } = await packed(MEMBERS);
    const digest = `sha256:${'0'.repeat(64)}` as never;
    const info = chunkedInfo({ mediaType: '', digest, size: blob.length, annotations });
    if (info?.kind !== 'zstd') throw new Error('no TOC');
    const { startBytes, lengthBytes, plainBytes } = info.toc;
    const bytes = blob.subarray(startBytes, startBytes + lengthBytes);
    expect(info.tocDigest).toBe(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
    const plain = zstdDecompressSync(bytes);
    expect(plain.length).toBe(plainBytes);
    const { files, tarSplitDigest } = parseToc(plain, blob.length);
    expect(tarSplitDigest).toBeDefined();
    expect([...files].map(({ name, chunks }) => [name, chunks.length > 1])).toEqual([
      ['usr/small', false],
      ['usr/large', true],
    ]);
    for (const { digest: whole, chunks } of files) {
      const hash = createHash('sha256');
      for (const chunk of chunks) {
        const content = zstdDecompressSync(blob.subarray(chunk.startBytes, chunk.endBytes));
        expect(content.length).toBe(chunk.sizeBytes);
        expect(chunk.digest).toBe(`sha256:${createHash('sha256').update(content).digest('hex')}`);
        hash.update(content);
      }
      expect(whole).toBe(`sha256:${hash.digest('hex')}`);
    }
  });

  test('cuts a large file at the same places when something before them changed', async () => {
    const before = noise('large', 9_000_000);
    const after = Buffer.concat([before.subarray(0, 100_000), Buffer.from('new'), before.subarray(100_000)]);
    const digestsOf = async (content: Buffer): Promise<readonly (string | undefined)[]> => {
      const { blob, annotations = {} } = await packed([file('large', content)]);
      const [start = 0, length = 0] = (annotations[ANNOTATIONS.tocPosition] ?? '').split(':').map(Number);
      const toc = parseToc(zstdDecompressSync(blob.subarray(start, start + length)), blob.length);
      return [...toc.files].flatMap(({ chunks }) => chunks.map(({ digest }) => digest));
    };
    const old = new Set(await digestsOf(before));
    const changed = (await digestsOf(after)).filter((digest) => !old.has(digest));
    expect(changed).toHaveLength(1);
  });

  test.each([
    ['a name that is not UTF-8', [file('\xff', Buffer.from('x'))]],
    ['one name twice', [file('a', Buffer.from('x')), file('a', Buffer.from('y'))]],
    ['a link of its own kind', [{ ...file('a', Buffer.alloc(0)), linkTarget: 'elsewhere' }]],
  ])('writes an ordinary zstd layer for %s', async (_what, members) => {
    const { blob, annotations } = await packed(members);
    expect(annotations).toBeUndefined();
    async function* stream(): AsyncGenerator<Uint8Array, void, undefined> {
      yield blob;
    }
    const plain = await all(decompress(stream()));
    expect(Buffer.from(plain).equals(Buffer.from(await all(writeTar(members))))).toBe(true);
  });
});

describe('chunkedInfo', () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  const descriptor = (annotations: Readonly<Record<string, string>>) =>
    chunkedInfo({ mediaType: '', digest: digest as never, size: 1000, annotations });
  const zstd = (position: string) =>
    descriptor({ [ANNOTATIONS.tocDigest]: digest, [ANNOTATIONS.tocPosition]: position });

  test.each([
    ['10:20:300', 'no type'],
    ['10:20:300:2', 'another type'],
    ['990:20:300:1', 'outside the layer'],
    ['-1:20:300:1', 'negative'],
    ['10:0:300:1', 'empty'],
    [`10:20:${MAX_TOC_BYTES + 1}:1`, 'too long'],
    ['1e1:20:300:1', 'no number'],
  ])('takes no layer with a TOC at %s: %s', (position) => {
    expect(zstd(position)).toBeUndefined();
  });

  test('takes zstd:chunked and eStargz, and nothing without a digest', () => {
    expect(zstd('10:20:300:1')).toMatchObject({ kind: 'zstd', toc: { startBytes: 10 } });
    expect(descriptor({ [ANNOTATIONS.stargzTocDigest]: digest })).toEqual({
      kind: 'stargz',
      tocDigest: digest,
    });
    expect(descriptor({ [ANNOTATIONS.tocPosition]: '10:20:300:1' })).toBeUndefined();
    expect(descriptor({ [ANNOTATIONS.stargzTocDigest]: 'sha256:short' })).toBeUndefined();
  });
});
