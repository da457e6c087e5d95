import { isSlipwayError } from '@slipway/core';
import type { TarHeader } from '@slipway/oci';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compressChunk, readRecord, writeRecord } from '../repository/stream-record.ts';
import type { FileContent } from '../tree.ts';
import type { LayerEntry } from './layer-entry.ts';
import { LayerRecordWriter, layerEntries } from './layer-record.ts';
import { ByteReader, ByteWriter } from './varint.ts';

const DIFF_ID = `sha256:${'ab'.repeat(32)}`;

const bytes = (limits: { minLength?: number; maxLength: number }): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array(limits);
const text = (maxLength: number): fc.Arbitrary<string> =>
  bytes({ maxLength }).map((raw) => Buffer.from(raw).toString('latin1'));

const content: fc.Arbitrary<FileContent> = fc.oneof(
  bytes({ maxLength: 64 }).map((raw): FileContent => ({ kind: 'inline', bytes: raw })),
  fc.tuple(fc.nat({ max: Number.MAX_SAFE_INTEGER }), fc.constantFrom(1, 2, 3)).map(
    ([sizeBytes, fill]): FileContent => ({
      kind: 'object',
      sizeBytes,
      digest: new Uint8Array(32).fill(fill),
    }),
  ),
);

const kind = fc.constantFrom<TarHeader['kind'][]>(
  'file',
  'directory',
  'symlink',
  'hardlink',
  'character-device',
  'block-device',
  'fifo',
);

const entry: fc.Arbitrary<LayerEntry> = fc
  .record({
    kind,
    path: text(300),
    target: text(300),
    mode: fc.nat({ max: 0o7777 }),
    uid: fc.nat({ max: 2 ** 32 - 1 }),
    gid: fc.nat({ max: 2 ** 32 - 1 }),
    mtimeSec: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
    mtimeNsec: fc.nat({ max: 999_999_999 }),
    deviceMajor: fc.nat({ max: 4095 }),
    deviceMinor: fc.nat({ max: 1_048_575 }),
    xattrs: fc
      .array(fc.tuple(text(40), bytes({ maxLength: 200 })), { maxLength: 3 })
      .map((list) => new Map(list)),
    content,
  })
  .map(({ target, content: body, ...fields }) => {
    const isLink = fields.kind === 'symlink' || fields.kind === 'hardlink';
    const isDevice = fields.kind.endsWith('device');
    const of = fields.kind === 'file' ? body : undefined;
    const sizeBytes = of === undefined ? 0 : of.kind === 'inline' ? of.bytes.length : of.sizeBytes;
    const device = isDevice ? {} : { deviceMajor: 0, deviceMinor: 0 };
    return { header: { ...fields, ...device, sizeBytes, linkTarget: isLink ? target : '' }, content: of };
  });

function recordOf(entries: readonly LayerEntry[]): Buffer {
  const writer = new LayerRecordWriter(DIFF_ID);
  for (const each of entries) writer.add(each);
  return writeRecord(writer.finish(), 32);
}

function entriesOf(record: Buffer): readonly LayerEntry[] {
  const read = readRecord(record, 32, 'test');
  if (read === undefined) throw new Error('not a record');
  return [...layerEntries(read, DIFF_ID)].map((each) => ({
    ...each,
    content: withPlainBytes(each.content),
  }));
}

/** Bytes come back as Buffers, which are equal to nothing but Buffers. */
function withPlainBytes(of: FileContent | undefined): FileContent | undefined {
  if (of?.kind === 'inline') return { ...of, bytes: Uint8Array.from(of.bytes) };
  return of?.kind === 'object' && of.digest !== undefined
    ? { ...of, digest: Uint8Array.from(of.digest) }
    : of;
}

describe('a layer record', () => {
  test('gives back every entry', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 12 }), (entries) => {
        expect(entriesOf(recordOf(entries))).toEqual(entries);
      }),
    );
  });

  test('gives back many entries, over chunks, naming each object once', () => {
    const [sample] = fc.sample(
      entry.filter((each) => each.header.kind === 'directory'),
      1,
    );
    if (sample === undefined) throw new Error('no sample');
    const object: FileContent = { kind: 'object', sizeBytes: 100, digest: new Uint8Array(32).fill(7) };
    const many = Array.from(
      { length: 20_000 },
      (_, index): LayerEntry => ({
        header: {
          ...sample.header,
          kind: 'file',
          path: `some/directory/with/a/long/name/file-${index}`,
          sizeBytes: 100,
        },
        content: object,
      }),
    );
    const record = recordOf(many);
    expect(entriesOf(record)).toEqual(many);
    expect(readRecord(record, 32, 'test')?.objects).toHaveLength(1);
    expect(record.length).toBeLessThan(500_000);
  });

  test('is refused for another layer, and as another kind', () => {
    const record = readRecord(recordOf([]), 32, 'test');
    if (record === undefined) throw new Error('not a record');
    expect(() => [...layerEntries(record, 'sha256:other')]).toThrow(/another layer/);
    expect(() => [...layerEntries({ ...record, kind: 'oci-config/1' }, DIFF_ID)]).toThrow(/oci-config/);
  });

  test('never does anything but throw one error when it is damaged', () => {
    const sample = recordOf(fc.sample(entry, { numRuns: 20, seed: 1 }));
    fc.assert(
      fc.property(fc.nat({ max: sample.length - 1 }), fc.nat({ max: 255 }), (at, value) => {
        const damaged = Buffer.from(sample);
        damaged[at] = value;
        expectSound(() => {
          const read = readRecord(damaged, 32, 'test');
          if (read !== undefined) for (const _each of layerEntries(read, DIFF_ID));
        });
      }),
      { numRuns: 1500 },
    );
  });

  test('never does anything but throw one error on a payload nobody wrote', () => {
    fc.assert(
      fc.property(bytes({ maxLength: 200 }), (payload) => {
        const writer = new ByteWriter(64);
        writer.text(DIFF_ID);
        const chunks = [compressChunk(Buffer.concat([writer.take(), payload]))];
        const record = readRecord(
          writeRecord({ kind: 'oci-layer/1', objects: [], streams: [], chunks }, 32),
          32,
          'test',
        );
        if (record === undefined) throw new Error('not a record');
        expectSound(() => {
          for (const _each of layerEntries(record, DIFF_ID));
        });
      }),
      { numRuns: 1500 },
    );
  });
});

describe('a stream record', () => {
  const sample = {
    kind: 'k',
    objects: [new Uint8Array(64).fill(9)],
    streams: ['a', 'b.c:d'],
    chunks: [compressChunk(Buffer.from('hello'))],
  };

  test('gives back what it was given', () => {
    const record = readRecord(writeRecord(sample, 64), 64, 'test');
    expect(record).toMatchObject({ kind: 'k', streams: ['a', 'b.c:d'] });
    expect(Array.from(record?.objects ?? [], (digest) => [...digest])).toEqual(
      sample.objects.map((digest) => [...digest]),
    );
    expect(Buffer.concat([...(record?.payload() ?? [])]).toString()).toBe('hello');
  });

  test('is told from the streams of other programs', () => {
    expect(
      readRecord(Buffer.from('SplitStream\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'), 32, 'test'),
    ).toBeUndefined();
    expect(readRecord(Buffer.alloc(0), 32, 'test')).toBeUndefined();
  });

  test('does not decompress more than it says', () => {
    const bomb = compressChunk(Buffer.alloc(10_000_000));
    const record = readRecord(
      writeRecord({ ...sample, chunks: [{ ...bomb, rawBytes: 100 }] }, 64),
      64,
      'test',
    );
    expect(() => [...(record?.payload() ?? [])]).toThrow(/cannot read the record/);
  });

  test.each([
    ['cut short', (record: Buffer): Buffer => record.subarray(0, -1)],
    ['too long', (record: Buffer): Buffer => Buffer.concat([record, Buffer.alloc(1)])],
    ['of another version', (record: Buffer): Buffer => patched(record, 8, 2)],
    ['of another algorithm', (record: Buffer): Buffer => patched(record, 9, 32)],
    ['with a hostile count', (record: Buffer): Buffer => patched(record, 15, 255)],
  ])('is refused when %s', (_title, damage) => {
    expect(() => readRecord(damage(writeRecord(sample, 64)), 64, 'test')).toThrow(
      /cannot read the record test/,
    );
  });
});

test('numbers of every length survive', () => {
  const number = fc.oneof(
    fc.nat({ max: Number.MAX_SAFE_INTEGER }),
    fc.nat({ max: 300 }),
    fc.constant(2 ** 53 - 1),
  );
  const signed = fc.integer({ min: -(2 ** 51), max: 2 ** 51 });
  fc.assert(
    fc.property(fc.array(fc.tuple(number, signed)), (list) => {
      const writer = new ByteWriter(1);
      for (const [a, b] of list) {
        writer.number(a);
        writer.signed(b);
      }
      const reader = new ByteReader(Buffer.from(writer.take()), (reason) => new Error(reason));
      expect(list.map(() => [reader.number(), reader.signed()])).toEqual(list);
      expect(reader.atEnd).toBe(true);
    }),
  );
});

function patched(record: Buffer, at: number, value: number): Buffer {
  const copy = Buffer.from(record);
  copy[at] = value;
  return copy;
}

/** Runs a reader over hostile bytes: it may succeed, or refuse with the error of the format. */
function expectSound(read: () => void): void {
  try {
    read();
  } catch (thrown) {
    if (!isSlipwayError(thrown, 'REPOSITORY_INVALID')) throw thrown;
  }
}
