/** Parts of blobs: from Debian's docker-registry through a network that fails, and from servers that answer otherwise than was asked. */
import { createServer } from 'node:http';
import { collectBytes } from '@slipway/core';
import * as fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { digestOf } from '../digest.ts';
import type { BlobRange, Descriptor, ImageSource } from '../image.ts';
import { type FaultProxy, startFaultProxy } from '../testing/fault-proxy.ts';
import { bulk, listen, RegistryLab, source } from '../testing/registry-lab.ts';

const RANGES: readonly BlobRange[] = [
  { startBytes: 0, endBytes: 1 },
  { startBytes: 100, endBytes: 50_100 },
  { startBytes: 50_101, endBytes: 50_150 },
  { startBytes: 200_000, endBytes: 300_000 },
];

async function read(from: ImageSource, blob: Descriptor, ranges = RANGES): Promise<Buffer> {
  if (from.openBlobParts === undefined) throw new Error('it has no parts');
  const parts = from.openBlobParts(blob, ranges);
  return Buffer.from(await collectBytes(parts, 2 ** 20, () => new Error('too long')));
}

function expected(content: Buffer, ranges = RANGES): Buffer {
  return Buffer.concat(ranges.map(({ startBytes, endBytes }) => content.subarray(startBytes, endBytes)));
}

describe('of docker-registry', () => {
  let lab: RegistryLab;
  let proxy: FaultProxy;
  let blob: Descriptor;
  let content: Buffer;

  beforeAll(async () => {
    lab = await RegistryLab.open();
    proxy = await startFaultProxy(lab.plain);
    await using from = source(`${lab.plain}/os:v1`);
    blob = bulk(await from.resolve('amd64'));
    content = Buffer.from(await collectBytes(from.openBlob(blob), blob.size, () => new Error('too long')));
  });
  afterEach(() => {
    proxy.seen.length = 0;
    proxy.fault = () => undefined;
  });
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
    await lab[Symbol.asyncDispose]();
  });

  const asked = (): readonly (string | undefined)[] =>
    proxy.seen.filter(({ path }) => path.includes('/blobs/')).map(({ range }) => range);

  test('come in one request', async () => {
    await using from = source(`${proxy.host}/os:v1`);
    expect((await read(from, blob)).equals(expected(content))).toBe(true);
    expect(asked()).toEqual(['bytes=0-0,100-50099,50101-50149,200000-299999']);
  });

  test('cut, again and again: what has come is not asked for again', async () => {
    proxy.fault = ({ path }) => (path.includes('/blobs/') ? { kind: 'cut', afterBytes: 60_000 } : undefined);
    await using from = source(`${proxy.host}/os:v1`);
    expect((await read(from, blob)).equals(expected(content))).toBe(true);
    const [, second, ...others] = asked();
    expect(second).toMatch(/^bytes=2[0-9]{5}-299999$/);
    expect(others.every((range) => /^bytes=2[0-9]{5}-299999$/.test(range ?? ''))).toBe(true);
  });

  test.each([400, 416, 431, 501])(
    'refused with %i when they are several: each by itself, from then on',
    async (status) => {
      proxy.fault = ({ range }) => (range?.includes(',') === true ? { kind: 'answer', status } : undefined);
      await using from = source(`${proxy.host}/os:v1`);
      for (const _time of [1, 2]) expect((await read(from, blob)).equals(expected(content))).toBe(true);
      const single = ['bytes=0-0', 'bytes=100-50099', 'bytes=50101-50149', 'bytes=200000-299999'];
      expect(asked().slice(1)).toEqual([...single, ...single]);
    },
  );

  test('of a registry that sends only whole blobs', async () => {
    proxy.fault = ({ path }) =>
      path.includes('/blobs/') ? { kind: 'drop-header', name: 'range' } : undefined;
    await using from = source(`${proxy.host}/os:v1`);
    await expect(read(from, blob)).rejects.toMatchObject({ code: 'OCI_RANGES_UNSUPPORTED' });
  });
});

describe('of a server that answers otherwise', () => {
  const CONTENT = Buffer.from(Array.from({ length: 400_000 }, (_, index) => index % 251));
  const BLOB: Descriptor = { mediaType: '', digest: digestOf(CONTENT), size: CONTENT.length };
  const TYPE = 'multipart/byteranges; boundary=xx';

  /** What it says to a request for several ranges; one is answered as it should be. */
  let answer: () => { readonly type: string; readonly body: Buffer; readonly range?: string };
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    const { range = '' } = request.headers;
    const one = /^bytes=(\d+)-(\d+)$/.exec(range);
    if (one !== null) {
      const [first, last] = [Number(one[1]), Number(one[2])];
      response.writeHead(206, { 'content-range': `bytes ${first}-${last}/${CONTENT.length}` });
      response.end(CONTENT.subarray(first, last + 1));
      return;
    }
    const { type, body, range: said } = answer();
    response.writeHead(206, {
      'content-type': type,
      ...(said === undefined ? {} : { 'content-range': said }),
    });
    response.end(body);
  });
  let host: string;
  beforeAll(async () => {
    host = await listen(server);
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const part = ({ startBytes, endBytes }: BlobRange): Buffer =>
    Buffer.concat([
      Buffer.from(`\r\n--xx\r\nContent-Range: bytes ${startBytes}-${endBytes - 1}/${CONTENT.length}\r\n\r\n`),
      CONTENT.subarray(startBytes, endBytes),
    ]);
  const end = Buffer.from('\r\n--xx--\r\n');
  const [first, second, third, fourth] = RANGES as [BlobRange, BlobRange, BlobRange, BlobRange];

  async function readHere(): Promise<Buffer> {
    await using from = source(`${host}/os:v1`, { plainHttp: true });
    requests = 0;
    return await read(from, BLOB);
  }

  test.each([
    ['with all', [first, second, third, fourth], 1],
    ['with neighbours joined', [first, { startBytes: 100, endBytes: 50_150 }, fourth], 1 + 3],
    ['in another order', [fourth, first, second, third], 1 + 4],
    ['with the first two', [first, second], 1 + 2],
    ['with none', [], 1 + 4],
  ])('%s', async (_what, ranges, expectedRequests) => {
    answer = () => ({ type: TYPE, body: Buffer.concat([...ranges.map(part), end]) });
    expect((await readHere()).equals(expected(CONTENT))).toBe(true);
    expect(requests).toBe(expectedRequests);
  });

  test('with the first range as if it were one', async () => {
    answer = () => ({
      type: 'application/octet-stream',
      range: 'bytes 0-0/400000',
      body: CONTENT.subarray(0, 1),
    });
    expect((await readHere()).equals(expected(CONTENT))).toBe(true);
    expect(requests).toBe(5);
  });

  test('with something after it that has no end', async () => {
    answer = () => ({ type: TYPE, body: Buffer.concat([...RANGES.map(part), Buffer.alloc(5_000_000)]) });
    expect((await readHere()).equals(expected(CONTENT))).toBe(true);
  });

  test('with anything: what comes are as many bytes as were asked for, from the right places when headers are right', async () => {
    const whole = Buffer.concat([...RANGES.map(part), end]);
    const right = expected(CONTENT);
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(255), fc.boolean(), async (at, value, isCut) => {
        const body = Buffer.from(isCut ? whole.subarray(0, at) : whole);
        if (!isCut) body[at] = value;
        answer = () => ({ type: TYPE, body });
        const bytes = await readHere();
        expect(bytes.length).toBe(right.length);
        const wrong = bytes.reduce((sum, byte, index) => sum + (byte === right[index] ? 0 : 1), 0);
        expect(wrong).toBeLessThanOrEqual(1);
      }),
      { numRuns: 100 },
    );
  });
});
