import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { isSlipwayError } from '@slipway/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readSplitstream } from './splitstream.ts';
import { writeDocumentStream } from './splitstream-writer.ts';

const [A, B, C] = ['aa'.repeat(64), 'bb'.repeat(64), 'cc'.repeat(64)] as const;
const NAMED = new Map([
  ['sha256:layer', B],
  ['config:sha256:x', A],
  ['composefs.image', B],
]);
const STREAM = writeDocumentStream({ contentType: 'ocimanif', object: C, sizeBytes: 77, named: NAMED });

function reason(bytes: Buffer, digestBytes: 32 | 64 = 64): string {
  try {
    return readSplitstream(bytes, digestBytes, 'x') === undefined ? 'no stream' : 'read';
  } catch (thrown) {
    if (isSlipwayError(thrown, 'REPOSITORY_INVALID')) return thrown.message;
    throw thrown;
  }
}

function changed(change: (bytes: Buffer) => void): Buffer {
  const copy = Buffer.from(STREAM);
  change(copy);
  return copy;
}

/** With these named references, at the end of the file. */
function withNames(packed: Buffer): Buffer {
  const whole = Buffer.concat([STREAM, packed]);
  whole.writeBigUInt64LE(BigInt(STREAM.length), 32 + 48);
  whole.writeBigUInt64LE(BigInt(whole.length), 32 + 56);
  return whole;
}

describe('a stream of composefs-rs', () => {
  test('says what it stands on', () => {
    expect(readSplitstream(STREAM, 64, 'x')).toEqual({
      contentType: 'ocimanif',
      contentBytes: 77n,
      objects: [C],
      streams: [B, A],
      named: NAMED,
    });
  });

  test('has every byte where composefs-rs puts it', () => {
    const at = (offset: number): number => Number(STREAM.readBigUInt64LE(offset));
    expect(STREAM.toString('latin1', 0, 11)).toBe('SplitStream');
    expect([...STREAM.subarray(11, 16)]).toEqual([0, 0, 0, 2, 12]);
    expect([at(16), at(24)]).toEqual([32, 112]);
    expect([at(32), at(40), at(48), at(56)]).toEqual([112, 240, 240, 304]);
    expect([at(80), at(72)]).toEqual([304, STREAM.length]);
    expect(at(88)).toBe(at(64));
    expect(STREAM.toString('latin1', 96, 104)).toBe('ocimanif');
    expect(zstdDecompressSync(STREAM.subarray(304, at(88))).toString()).toBe(
      '0:composefs.image\u00001:config:sha256:x\u00000:sha256:layer\u0000',
    );
    expect(zstdDecompressSync(STREAM.subarray(at(64)))).toEqual(Buffer.alloc(8));
  });

  test('as bootc wrote it before 1.16 is read as well', () => {
    const old = changed((bytes) => {
      STREAM.copy(bytes, 0, 16, 32);
      STREAM.copy(bytes, 16, 12, 14);
      STREAM.copy(bytes, 18, 0, 12);
      STREAM.copy(bytes, 30, 14, 16);
    });
    expect(readSplitstream(old, 64, 'x')).toEqual(readSplitstream(STREAM, 64, 'x'));
  });

  test('with a longer info, or without names, is read', () => {
    const longer = Buffer.concat([
      STREAM.subarray(0, 112),
      STREAM.subarray(112),
      STREAM.subarray(32, 112),
      Buffer.alloc(9),
    ]);
    longer.writeBigUInt64LE(BigInt(STREAM.length), 16);
    longer.writeBigUInt64LE(BigInt(longer.length), 24);
    expect(readSplitstream(longer, 64, 'x')?.streams).toEqual([B, A]);
    const bare = changed((bytes) => bytes.writeBigUInt64LE(bytes.readBigUInt64LE(80), 88));
    expect(readSplitstream(bare, 64, 'x')?.named.size).toBe(0);
  });

  test('of anything else is none', () => {
    expect(reason(Buffer.alloc(0))).toBe('no stream');
    expect(reason(STREAM.subarray(0, 31))).toBe('no stream');
    expect(reason(Buffer.alloc(64, 'SlipRec\n'))).toBe('no stream');
  });
});

describe('a damaged stream', () => {
  test.each([
    ['a newer version', changed((bytes) => bytes.writeUInt8(1, 11)), /version 1 is not 0/],
    ['another algorithm', changed((bytes) => bytes.writeUInt8(1, 14)), /another algorithm/],
    ['another block size', changed((bytes) => bytes.writeUInt8(16, 15)), /another algorithm/],
    ['an info past the end', changed((bytes) => bytes.writeBigUInt64LE(2n ** 63n, 24)), /info lie outside/],
    ['an info backwards', changed((bytes) => bytes.writeBigUInt64LE(200n, 16)), /info lie outside/],
    ['a short info', changed((bytes) => bytes.writeBigUInt64LE(111n, 24)), /info is too short/],
    [
      'references past the end',
      changed((bytes) => bytes.writeBigUInt64LE(2n ** 40n, 40)),
      /stream references/,
    ],
    ['a reference cut short', changed((bytes) => bytes.writeBigUInt64LE(239n, 40)), /cut short/],
    [
      'content past the end',
      changed((bytes) => bytes.writeBigUInt64LE(2n ** 64n - 1n, 72)),
      /content lie outside/,
    ],
    ['names that are no zstd', withNames(Buffer.from('0:x\0')), /cannot read the stream x/],
    ['names without an end', withNames(zstdCompressSync(Buffer.from('0:x'))), /no end/],
    ['a name of no reference', withNames(zstdCompressSync(Buffer.from('2:x\0'))), /names no reference/],
    ['a name without an index', withNames(zstdCompressSync(Buffer.from('x\0'))), /names no reference/],
    [
      'names without bound',
      withNames(zstdCompressSync(Buffer.alloc(64 * 1024 * 1024))),
      /cannot read the stream x/,
    ],
  ])('with %s says so', (_what, bytes, message) => {
    expect(reason(bytes)).toMatch(message);
  });

  test('of a repository of another algorithm says so', () => {
    expect(reason(STREAM, 32)).toMatch(/another algorithm/);
  });

  test('never does anything but be read or refused', () => {
    fc.assert(
      fc.property(fc.nat(STREAM.length - 1), fc.nat(255), fc.nat(STREAM.length), (at, byte, length) => {
        const bytes = changed((copy) => copy.writeUInt8(byte, at)).subarray(0, length);
        expect(reason(bytes)).toMatch(/^(?:read|no stream|cannot read the stream x: .+)$/);
      }),
      { numRuns: 500 },
    );
  });
});
