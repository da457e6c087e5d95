import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ChunkCursor } from '../tar/chunk-cursor.ts';
import { boundaryOf, parseContentRange, readPartHeader } from './content-range.ts';

describe('Content-Range', () => {
  test('of a blob whose size is told, or is not', () => {
    expect(parseContentRange('bytes 3-9/10')).toEqual({ startBytes: 3, endBytes: 10, blobBytes: 10 });
    expect(parseContentRange('Bytes 0-0/*')).toEqual({ startBytes: 0, endBytes: 1, blobBytes: undefined });
  });

  test.each([
    undefined,
    '',
    'bytes */10',
    'bytes 9-3/10',
    'bytes 3-/10',
    'lines 3-9/10',
    `bytes 0-${'9'.repeat(16)}/*`,
  ])('%s is none', (value) => {
    expect(parseContentRange(value)).toBeUndefined();
  });
});

describe('Content-Type of an answer with several parts', () => {
  test.each([
    ['multipart/byteranges; boundary=abc', 'abc'],
    ['Multipart/Byteranges;charset=x; boundary="a b:c"', 'a b:c'],
    ['multipart/byteranges;boundary=abc;charset=x', 'abc'],
  ])('%s', (value, boundary) => {
    expect(boundaryOf(value)).toBe(boundary);
  });

  test.each([
    undefined,
    'application/octet-stream',
    'multipart/byteranges',
    `multipart/byteranges; boundary=${'a'.repeat(71)}`,
  ])('%s is none', (value) => {
    expect(boundaryOf(value)).toBeUndefined();
  });
});

describe('what stands before a part', () => {
  const BODY =
    'a server says something\r\n\r\n--xx\r\nContent-Type: a/b\r\nContent-Range: bytes 5-7/20\r\n\r\n123\r\n--xx\r\ncontent-range:bytes 10-10/*\r\n\r\n\n\r\n--xx--\r\n';

  test('is read, however it comes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), async (lengths) => {
        const body = new ChunkCursor(inPieces(Buffer.from(BODY), lengths));
        expect(await readPartHeader(body, 'xx')).toEqual({ startBytes: 5, endBytes: 8, blobBytes: 20 });
        expect((await body.take(3)).toString()).toBe('123');
        expect(await readPartHeader(body, 'xx')).toEqual({
          startBytes: 10,
          endBytes: 11,
          blobBytes: undefined,
        });
        expect((await body.take(1)).toString()).toBe('\n');
        expect(await readPartHeader(body, 'xx')).toBeUndefined();
      }),
    );
  });

  test.each([
    ['nothing', ''],
    ['no delimiter', '--xy\r\nContent-Range: bytes 5-7/20\r\n\r\n123'],
    ['no range', '--xx\r\nContent-Type: a/b\r\n\r\n123'],
    ['a line without end', '-'.repeat(100_000)],
    ['lines without end', '\r\n'.repeat(100_000)],
    ['fields without end', `--xx\r\n${'a: b\r\n'.repeat(100_000)}`],
  ])('%s', async (_what, text) => {
    const body = new ChunkCursor(inPieces(Buffer.from(text), [1000]));
    expect(await readPartHeader(body, 'xx')).toBeUndefined();
    expect(body.position).toBeLessThan(40_000);
  });
});

async function* inPieces(bytes: Buffer, lengths: readonly number[]): AsyncGenerator<Buffer, void, undefined> {
  for (let at = 0, index = 0; at < bytes.length; index += 1) {
    const end = at + (lengths[index % lengths.length] ?? 1);
    // Taken back when the next one is asked for.
    const piece = Buffer.from(bytes.subarray(at, end));
    yield piece;
    piece.fill(0x3f);
    at = end;
  }
}
