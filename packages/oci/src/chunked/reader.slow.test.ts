import { createCipheriv, createHash } from 'node:crypto';
import { gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { collectBytes } from '@slipway/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { digestOf } from '../digest.ts';
import type { BlobRange, Descriptor, ImageSource, ResolvedImage } from '../image.ts';
import { unpackLayer } from '../layer/open-layer.ts';
import type { TarHeader } from '../tar/entry.ts';
import { type TarInput, writeTar } from '../tar/writer.ts';
import { ANNOTATIONS, MAX_TOC_BYTES } from './format.ts';
import type { KnownContent } from './known-content.ts';
import { lengthOf } from './plan.ts';
import { planRequests } from './range-requests.ts';
import { openPartialLayer } from './reader.ts';
import { parseToc, readToc, type Toc } from './toc.ts';
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

/** Bytes that do not compress, the same every time. */
function noise(seed: string, sizeBytes: number): Buffer {
  const key = createHash('sha256').update(seed).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(sizeBytes));
}

const CONTENTS = new Map(
  ['a', 'b', 'c', 'd', 'e', 'f']
    .map((name) => [name, noise(name, 40_000)] as const)
    .concat([
      ['large', noise('large', 6_000_000)],
      ['tiny', Buffer.from('tiny')],
    ]),
);

const MEMBERS: readonly TarInput[] = [...CONTENTS].map(([path, body]) => ({
  ...HEADER,
  path,
  sizeBytes: body.length,
  body: [body],
}));

/** Chunks may be good only until the next one is asked for. */
async function* copied(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of stream) yield Uint8Array.from(chunk);
}

const all = async (stream: AsyncIterable<Uint8Array>): Promise<Buffer> =>
  Buffer.from(await collectBytes(copied(stream), 2 ** 30, () => new Error('too long')));

interface Layer {
  readonly blob: Buffer;
  readonly tar: Buffer;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Packed once: it is never changed, only copied. */
const CHUNKED = packChunked();

function chunkedLayer(): Promise<Layer> {
  return CHUNKED;
}

async function packChunked(): Promise<Layer> {
  const layer = compressChunked(writeTar(MEMBERS), { level: 1 });
  const blob = await all(layer.stream);
  return { blob, tar: await all(writeTar(MEMBERS)), annotations: layer.annotations() ?? {} };
}

/** An eStargz layer by its specification: each content begins a gzip member, a long one has several. */
async function stargzLayer(): Promise<Layer> {
  const members: Buffer[] = [];
  const plain: Buffer[] = [];
  const entries: object[] = [];
  let at = 0;
  let pending: Buffer = Buffer.alloc(0);
  const add = (bytes: Buffer): void => {
    const packed = gzipSync(bytes);
    members.push(packed);
    plain.push(bytes);
    at += packed.length;
  };
  for (const member of MEMBERS) {
    const body = CONTENTS.get(member.path) ?? Buffer.alloc(0);
    const whole = await all(writeTar([member]));
    const padded = whole.subarray(512, whole.length - 1024);
    add(Buffer.concat([pending, whole.subarray(0, 512)]));
    const cut = body.length > 1_000_000 ? 2_000_000 : 0;
    const digest = digestOf(body);
    const file = { type: 'reg', name: member.path, size: body.length, digest, offset: at };
    if (cut === 0) entries.push({ ...file, chunkDigest: digest });
    else {
      entries.push({ ...file, chunkSize: cut, chunkDigest: digestOf(body.subarray(0, cut)) });
      add(body.subarray(0, cut));
      const rest = { offset: at, chunkOffset: cut, chunkDigest: digestOf(body.subarray(cut)) };
      entries.push({ type: 'chunk', name: member.path, ...rest });
    }
    pending = padded.subarray(cut);
    // What follows a content stands in its member, up to the next content.
    add(pending);
    pending = Buffer.alloc(0);
  }
  const toc = Buffer.from(JSON.stringify({ version: 1, entries }));
  const tocAt = at;
  add(await all(writeTar([{ ...HEADER, path: 'stargz.index.json', sizeBytes: toc.length, body: [toc] }])));
  const extra = Buffer.from(`${tocAt.toString(16).padStart(16, '0')}STARGZ`, 'latin1');
  const footer = Buffer.concat([
    Buffer.of(0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255, 26, 0, 0x53, 0x47, 22, 0),
    extra,
    Buffer.of(1, 0, 0, 0xff, 0xff),
    Buffer.alloc(8),
  ]);
  return {
    blob: Buffer.concat([...members, footer]),
    tar: Buffer.concat(plain),
    annotations: { [ANNOTATIONS.stargzTocDigest]: digestOf(toc) },
  };
}

/** A registry of one blob, and what was asked of it. */
class OneBlob implements ImageSource {
  readonly transport = 'registry';
  readonly name = 'registry.example/os';
  sentBytes = 0;
  readonly #blob: Buffer;

  constructor(blob: Buffer) {
    this.#blob = blob;
  }

  resolve(): never {
    throw new Error('not asked');
  }

  resolveDigest(): never {
    throw new Error('not asked');
  }

  async *openBlob(): AsyncGenerator<Uint8Array, void, undefined> {
    yield this.#blob;
  }

  async *openBlobParts(
    _descriptor: Descriptor,
    ranges: readonly BlobRange[],
  ): AsyncGenerator<Uint8Array, void, undefined> {
    for (const { startBytes, endBytes } of ranges) {
      if (startBytes < 0 || endBytes > this.#blob.length) throw new Error('outside the blob');
      this.sentBytes += endBytes - startBytes;
      yield this.#blob.subarray(startBytes, endBytes);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Nothing is open.
  }
}

function knowing(...contents: readonly Buffer[]): KnownContent {
  const known = new Map(contents.map((content) => [digestOf(content), content] as const));
  return {
    isEmpty: known.size === 0,
    find(digest) {
      const content = known.get(digest);
      return content === undefined ? undefined : (start, end) => [content.subarray(start, end)];
    },
  };
}

function imageOf({ blob, tar, annotations }: Layer): ResolvedImage {
  const descriptor: Descriptor = { mediaType: '', digest: digestOf(blob), size: blob.length, annotations };
  return {
    manifest: { layers: [descriptor] },
    config: { diffIds: [digestOf(tar)] },
  } as unknown as ResolvedImage;
}

async function pull(
  layer: Layer,
  known: KnownContent,
): Promise<{ readonly tar: Buffer; readonly sent: number }> {
  const source = new OneBlob(layer.blob);
  const partial = await openPartialLayer(source, imageOf(layer), 0, async () => known);
  if (partial === undefined) throw new Error('not partial');
  const layerOf = { diffId: digestOf(layer.tar), what: 'a layer' };
  return { tar: await all(unpackLayer(partial.archive, layerOf)), sent: source.sentBytes };
}

const known = (...names: readonly string[]): KnownContent =>
  knowing(...names.map((name) => CONTENTS.get(name) ?? Buffer.alloc(0)));

describe('a zstd:chunked layer', () => {
  test('is the same archive when all, or only some of its files are here', async () => {
    const layer = await chunkedLayer();
    const everything = await pull(layer, known(...CONTENTS.keys()));
    expect(everything.tar.equals(layer.tar)).toBe(true);
    expect(everything.sent).toBeLessThan(3000);
    const some = await pull(layer, known('a', 'c', 'large'));
    expect(some.tar.equals(layer.tar)).toBe(true);
    expect(some.sent).toBeLessThan(4 * 40_000 + 5000);
  });

  test('fetches only the pieces of a large file that are not here', async () => {
    const layer = await chunkedLayer();
    const large = CONTENTS.get('large') ?? Buffer.alloc(0);
    const position = (layer.annotations[ANNOTATIONS.tocPosition] ?? '').split(':').map(Number);
    const [start = 0, length = 0] = position;
    const toc = parseToc(zstdDecompressSync(layer.blob.subarray(start, start + length)), layer.blob.length);
    const chunks = [...toc.files].find(({ name }) => name === 'large')?.chunks ?? [];
    let at = 0;
    const pieces = chunks.map(({ sizeBytes }) => large.subarray(at, (at += sizeBytes)));
    expect(pieces.length).toBeGreaterThan(2);
    const { tar, sent } = await pull(layer, knowing(...pieces.slice(1)));
    expect(tar.equals(layer.tar)).toBe(true);
    expect(sent).toBeLessThan((pieces[0]?.length ?? 0) + 6 * 40_000 + 5000);
  });

  test('is read without its tar-split too, from the frames between its files', async () => {
    const layer = await chunkedLayer();
    const { [ANNOTATIONS.tarSplitPosition]: _left, ...annotations } = layer.annotations;
    const { tar, sent } = await pull({ ...layer, annotations }, known('a', 'c', 'large'));
    expect(tar.equals(layer.tar)).toBe(true);
    expect(sent).toBeLessThan(4 * 40_000 + 6000);
  });

  test('is left alone when nothing is known, or too little', async () => {
    const layer = await chunkedLayer();
    const source = new OneBlob(layer.blob);
    expect(await openPartialLayer(source, imageOf(layer), 0, async () => knowing())).toBeUndefined();
    expect(source.sentBytes).toBe(0);
    expect(await openPartialLayer(source, imageOf(layer), 0, async () => known('tiny'))).toBeUndefined();
  });

  test.each([
    ['the table of contents', ANNOTATIONS.tocPosition],
    ['the tar-split', ANNOTATIONS.tarSplitPosition],
  ])('is refused when %s is damaged', async (_what, annotation) => {
    const layer = await chunkedLayer();
    const [start = 0] = (layer.annotations[annotation] ?? '').split(':').map(Number);
    const blob = Buffer.from(layer.blob);
    blob.writeUInt8(blob.readUInt8(start + 20) ^ 0xff, start + 20);
    await expect(pull({ ...layer, blob }, known('a'))).rejects.toMatchObject({ code: 'OCI_DIGEST_MISMATCH' });
  });

  test('is refused when a content it was sent, or one that was here, is another', async () => {
    const layer = await chunkedLayer();
    const blob = Buffer.from(layer.blob);
    const at = blob.indexOf((CONTENTS.get('b') ?? Buffer.alloc(0)).subarray(100, 140));
    blob.writeUInt8(blob.readUInt8(at) ^ 1, at);
    await expect(pull({ ...layer, blob }, known('large'))).rejects.toMatchObject({
      code: 'OCI_DIGEST_MISMATCH',
    });
    const wrong = { ...known('large'), find: () => () => [Buffer.alloc(40_000)] };
    await expect(pull(layer, wrong)).rejects.toThrow();
  });
});

describe('an eStargz layer', () => {
  test('is the same archive, with the pieces that are here left out', async () => {
    const layer = await stargzLayer();
    const large = CONTENTS.get('large') ?? Buffer.alloc(0);
    const { tar, sent } = await pull(layer, knowing(large.subarray(0, 2_000_000)));
    expect(tar.equals(layer.tar)).toBe(true);
    expect(sent).toBeLessThan(layer.blob.length - 1_990_000);
  });

  test('is refused without its footer, and with another table of contents', async () => {
    const layer = await stargzLayer();
    const cut = { ...layer, blob: layer.blob.subarray(0, -1) };
    await expect(pull(cut, known('a'))).rejects.toMatchObject({ code: 'OCI_CHUNKED_INVALID' });
    const annotations = { [ANNOTATIONS.stargzTocDigest]: digestOf(Buffer.from('another')) };
    const other = { ...layer, annotations };
    await expect(pull(other, known('a'))).rejects.toMatchObject({ code: 'OCI_DIGEST_MISMATCH' });
  });
});

/** A layer with another table of contents, whose digest is right: what a hostile image has. */
function withToc(layer: Layer, toc: Buffer): Layer {
  const packed = zstdCompressSync(toc);
  const blob = Buffer.concat([layer.blob, packed]);
  return {
    ...layer,
    blob,
    annotations: {
      ...layer.annotations,
      [ANNOTATIONS.tocDigest]: digestOf(packed),
      [ANNOTATIONS.tocPosition]: `${layer.blob.length}:${packed.length}:${toc.length}:1`,
    },
  };
}

async function* inPieces(bytes: Buffer, length: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

describe('a hostile table of contents', () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  const regular = { type: 'reg', name: 'a', size: 10, digest, offset: 0, endOffset: 20 };

  test.each<[string, unknown]>([
    ['is not JSON', '{'],
    ['is cut short', '{"version":1,"entries":[{"type":"reg"'],
    ['ends in the middle of a text', '{"version":1,"entries":[{"type":"re'],
    ['has an entry that is no JSON', '{"version":1,"entries":[{"type":reg}]}'],
    ['has a comma too many', '{"version":1,"entries":[{"type":"dir"},]}'],
    ['has no comma', '{"version":1,"entries":[{"type":"dir"}{"type":"dir"}]}'],
    ['goes on after its end', '{"version":1,"entries":[]}{}'],
    ['has two lists', '{"version":1,"entries":[],"entries":[]}'],
    ['has brackets that do not match', '{"version":1,"entries":[{"type":["dir"}]]}'],
    ['has a name of megabytes', { version: 1, entries: [{ ...regular, name: 'x'.repeat(5_000_000) }] }],
    ['is a list', []],
    ['is a text', '"entries"'],
    ['has another version', { version: 2, entries: [] }],
    ['has no entries', { version: 1 }],
    ['has an entry that is none', { version: 1, entries: [3] }],
    ['begins with a piece', { version: 1, entries: [{ type: 'chunk' }] }],
    ['has a negative offset', { version: 1, entries: [{ ...regular, offset: -1 }] }],
    ['has a fraction', { version: 1, entries: [{ ...regular, size: 1.5 }] }],
    ['leaves the layer', { version: 1, entries: [{ ...regular, endOffset: 1e12 }] }],
    ['ends before it begins', { version: 1, entries: [{ ...regular, offset: 20, endOffset: 10 }] }],
    ['unfolds to more than there is', { version: 1, entries: [{ ...regular, size: 2 ** 40 }] }],
    ['overlaps', { version: 1, entries: [regular, { ...regular, offset: 10, endOffset: 30 }] }],
    [
      'has pieces out of order',
      { version: 1, entries: [regular, { type: 'chunk', offset: 5, chunkOffset: 20 }] },
    ],
  ])('that %s is refused', (_what, json) => {
    const bytes = Buffer.from(typeof json === 'string' ? json : JSON.stringify(json));
    expect(() => parseToc(bytes, 1000)).toThrow(expect.objectContaining({ code: 'OCI_CHUNKED_INVALID' }));
  });

  test('reads to the same, in whatever pieces it comes', async () => {
    const chunk = { type: 'chunk', offset: 8, chunkOffset: 4, chunkDigest: digest };
    const chunks = [
      { startBytes: 0, endBytes: 8, sizeBytes: 4, digest: undefined, isZeros: false },
      { startBytes: 8, endBytes: 20, sizeBytes: 6, digest, isZeros: false },
    ];
    const file = { name: Buffer.from('b/\u00e4"{[\\').toString('latin1'), sizeBytes: 10, digest, chunks };
    const tables: readonly (readonly [table: unknown, toc: unknown])[] = [
      [
        {
          entries: [{ type: 'dir', name: 'a"\\' }, { ...regular, name: 'b/\u00e4"{[\\' }, chunk],
          version: 1,
        },
        { files: [file], tarSplitDigest: undefined },
      ],
      [
        { more: { a: ['}', -1.5e3, null, true] }, version: 1, tarSplitDigest: digest, entries: [] },
        { files: [], tarSplitDigest: digest },
      ],
    ];
    for (const [table, toc] of tables) {
      for (const text of [JSON.stringify(table), `\u{feff} ${JSON.stringify(table, null, '\t')}\r\n`]) {
        const bytes = Buffer.from(text);
        expect(inFull(parseToc(bytes, 1000))).toEqual(toc);
        for (const length of [1, 2, 3, 7, 64])
          expect(inFull(await readToc(inPieces(bytes, length), 1000))).toEqual(toc);
      }
    }
  });

  test('that unfolds to more than it says is refused', async () => {
    const layer = withToc(await chunkedLayer(), Buffer.alloc(1_000_000));
    const annotations = { ...layer.annotations };
    annotations[ANNOTATIONS.tocPosition] = (annotations[ANNOTATIONS.tocPosition] ?? '').replace(
      ':1000000:',
      ':10:',
    );
    await expect(pull({ ...layer, annotations }, known('a'))).rejects.toMatchObject({
      code: 'OCI_CHUNKED_INVALID',
    });
    expect(MAX_TOC_BYTES).toBeLessThan(2 ** 28);
  });

  test('never gives another archive, whatever it says', async () => {
    const layer = await chunkedLayer();
    const [start = 0, length = 0] = (layer.annotations[ANNOTATIONS.tocPosition] ?? '').split(':').map(Number);
    const good = zstdDecompressSync(layer.blob.subarray(start, start + length));
    const change = fc.record({ at: fc.nat(good.length - 1), byte: fc.integer({ min: 0x20, max: 0x7e }) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const toc = Buffer.from(good);
        for (const { at, byte } of changes) toc.writeUInt8(byte, at);
        const outcome = await pull(withToc(layer, toc), known('a', 'c', 'large')).catch(
          (error: unknown) => error,
        );
        if (!(outcome instanceof Error)) expect(outcome).toMatchObject({ tar: layer.tar });
        else if (outcome.message !== 'not partial') expect(outcome).toHaveProperty('code');
      }),
      { numRuns: 40 },
    );
  });
});

test('ranges come in few requests, with little fetched in vain, none too long', () => {
  const range = fc.record({ gap: fc.nat(20_000), length: fc.integer({ min: 1, max: 9_000_000 }) });
  const small = fc.record({ gap: fc.nat(20_000), length: fc.integer({ min: 1, max: 2000 }) });
  const steps = fc.oneof(fc.array(range, { maxLength: 60 }), fc.array(small, { maxLength: 400 }));
  fc.assert(
    fc.property(steps, (all) => {
      let at = 0;
      const ranges = all.map(({ gap, length }) => {
        const startBytes = at + gap;
        at = startBytes + length;
        return { startBytes, endBytes: at };
      });
      const requests = planRequests(ranges);
      const wanted = lengthOf(ranges);
      const asked = requests.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
      expect(requests.every(({ lengthBytes }) => lengthBytes <= 2 * 2 ** 20)).toBe(true);
      expect(requests.every(({ spans }) => spans.length <= 100)).toBe(true);
      // Two that follow each other would not have been one.
      expect(requests.length).toBeLessThanOrEqual(2 * (asked / (2 * 2 ** 20) + ranges.length / 100) + 1);
      expect(asked - wanted).toBeLessThanOrEqual(wanted / 200 + all.length * 512);
      const spans = requests.flatMap((request) => request.spans);
      expect(lengthOf(spans)).toBe(asked);
      expect(lengthOf(spans.flatMap((span) => span.wanted))).toBe(wanted);
    }),
  );
});

function inFull({ files, tarSplitDigest }: Toc): unknown {
  return { files: [...files], tarSplitDigest };
}
