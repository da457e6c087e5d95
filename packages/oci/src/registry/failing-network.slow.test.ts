/** The client through a network that fails. What it does with every kind of failure: tests/registry-faults.test.ts. */
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openLayer } from '../layer/open-layer.ts';
import { type FaultProxy, startFaultProxy } from '../testing/fault-proxy.ts';
import { as, bulk, listen, PASSWORD, RegistryLab, source } from '../testing/registry-lab.ts';
import { collect } from '../testing/small-image.ts';

let lab: RegistryLab;

beforeAll(async () => {
  lab = await RegistryLab.open();
});

afterAll(async () => {
  await lab[Symbol.asyncDispose]();
});

describe('a network that fails', () => {
  let proxy: FaultProxy;
  beforeAll(async () => {
    proxy = await startFaultProxy(lab.plain);
  });
  afterEach(() => {
    proxy.seen.length = 0;
    proxy.fault = () => undefined;
  });
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
  });

  test('cut in the middle, again and again: goes on by range', async () => {
    proxy.fault = ({ method, path }) =>
      method === 'GET' && path.includes('/blobs/') ? { kind: 'cut', afterBytes: 120_000 } : undefined;
    await using from = source(`${proxy.host}/os:v1`);
    await lab.pull(from);
    const ranges = proxy.seen.flatMap(({ range }) => range ?? []);
    expect(ranges.length).toBeGreaterThanOrEqual(4);
    for (const range of ranges) expect(range).toMatch(/^bytes=[0-9]+-$/);
  });

  test('cut, by a registry that does not know ranges', async () => {
    let cuts = 0;
    proxy.fault = ({ method, path, range }) => {
      if (method !== 'GET' || !path.includes('/blobs/')) return undefined;
      if (range !== undefined) return { kind: 'drop-header', name: 'range' };
      cuts += 1;
      return { kind: 'cut', afterBytes: 300_000 };
    };
    await using from = source(`${proxy.host}/os:v1`);
    await lab.pull(from);
    expect(cuts).toBe(3);
  });

  test('stalls: the connection is given up and taken anew', async () => {
    let stalls = 0;
    proxy.fault = ({ method, path }) => {
      if (method !== 'GET' || !path.includes('/blobs/') || stalls > 0) return undefined;
      stalls += 1;
      return { kind: 'stall', afterBytes: 10 };
    };
    await using from = source(`${proxy.host}/os:v1`, { timeouts: { stallMs: 100 } });
    await lab.pull(from);
    expect(stalls).toBe(1);
  });

  test('never gets anywhere: gives up after the allowed failures', async () => {
    proxy.fault = ({ method, path }) =>
      method === 'GET' && path.includes('/blobs/') ? { kind: 'cut', afterBytes: 0 } : undefined;
    await using from = source(`${proxy.host}/os:v1`);
    await expect(from.resolve('amd64')).rejects.toMatchObject({ code: 'OCI_UNREACHABLE' });
    expect(proxy.seen.filter(({ path }) => path.includes('/blobs/'))).toHaveLength(4);
  });

  test.each([429, 500, 502, 503, 504])('%i passes', async (status) => {
    const failures = new Map<string, number>();
    proxy.fault = ({ method, path }) => {
      // Each upload has an address of its own.
      const key = `${method} ${path.replace(/uploads\/.*/, 'uploads')}`;
      const before = failures.get(key) ?? 0;
      failures.set(key, before + 1);
      return before < 2 ? { kind: 'answer', status, headers: { 'retry-after': '0' } } : undefined;
    };
    await using from = source(`${proxy.host}/os:v1`);
    await lab.pull(from);
    await lab.push(`${proxy.host}/retried${status}:v1`);
  });

  test.each([undefined, 50_000])(
    'an upload that breaks is begun anew, in chunks of %s',
    async (chunkBytes) => {
      let cuts = 0;
      proxy.fault = ({ method }) => {
        if ((method !== 'PUT' && method !== 'PATCH') || cuts >= 2) return undefined;
        cuts += 1;
        return { kind: 'cut-upload', afterBytes: 1 };
      };
      const name = `${proxy.host}/broken-${chunkBytes ?? 'whole'}:v1`;
      await lab.push(name, chunkBytes === undefined ? {} : { chunkBytes });
      expect(cuts).toBe(2);
      await using from = source(name);
      await lab.pull(from);
    },
  );

  test('503 for ever, and a Retry-After beyond all patience', async () => {
    proxy.fault = () => ({
      kind: 'answer',
      status: 503,
      body: '{"errors":[{"code":"UNAVAILABLE","message":"come\\u0007back"}]}',
    });
    await using from = source(`${proxy.host}/os:v1`);
    await expect(from.resolve('amd64')).rejects.toMatchObject({
      code: 'OCI_REGISTRY_FAILED',
      message: `cannot pull the manifest v1 of ${proxy.host}/os: the registry answers 503 (UNAVAILABLE: come back)`,
      details: { status: 503 },
    });
    expect(proxy.seen).toHaveLength(4);
    proxy.seen.length = 0;
    proxy.fault = () => ({ kind: 'answer', status: 429, headers: { 'retry-after': '86400' } });
    await expect(from.resolveDigest()).rejects.toMatchObject({
      code: 'OCI_REGISTRY_FAILED',
      details: { status: 429 },
    });
    expect(proxy.seen).toHaveLength(1);
  });

  test('wrong bytes: manifest, configuration, layer', async () => {
    for (const part of ['/manifests/', '/blobs/']) {
      proxy.fault = ({ method, path }) =>
        method === 'GET' && path.includes(part) ? { kind: 'corrupt', atByte: 100 } : undefined;
      await using from = source(`${proxy.host}/os:v1`);
      await expect(from.resolve('amd64')).rejects.toMatchObject({ code: 'OCI_DIGEST_MISMATCH' });
    }
    await using from = source(`${proxy.host}/os:v1`);
    proxy.fault = () => undefined;
    const resolved = await from.resolve('amd64');
    const cacheDir = join(lab.path, 'cache-corrupt');
    await mkdir(cacheDir);
    // Wherever the damage is, the way is blamed and not the lab.image, though the decompressor may see it first.
    for (const atByte of [20, 499_000]) {
      proxy.fault = ({ path }) => (path.includes('/blobs/') ? { kind: 'corrupt', atByte } : undefined);
      await expect(collect(openLayer(from, resolved, 1, { cacheDir }))).rejects.toMatchObject({
        code: 'OCI_DIGEST_MISMATCH',
      });
      expect(await readdir(cacheDir)).toEqual([]);
    }
    await expect(collect(from.openBlob(bulk(resolved)))).rejects.toMatchObject({
      code: 'OCI_DIGEST_MISMATCH',
    });
  });

  test('another size than promised', async () => {
    await using from = source(`${proxy.host}/os:v1`);
    const resolved = await from.resolve('amd64');
    const layer = bulk(resolved);
    for (const size of [layer.size - 1, layer.size + 1]) {
      await expect(collect(from.openBlob({ ...layer, size }))).rejects.toMatchObject({
        code: 'OCI_DIGEST_MISMATCH',
      });
      await expect(collect(from.openBlob({ ...layer, size }, 100))).rejects.toMatchObject({
        code: 'OCI_DIGEST_MISMATCH',
      });
    }
    expect((await collect(from.openBlob(layer, layer.size - 10))).length).toBe(10);
  });

  test('a redirect elsewhere takes no credentials along; circles end', async () => {
    const elsewhere: (string | undefined)[] = [];
    const storage = createServer((request, response) => {
      elsewhere.push(request.headers.authorization);
      const digest = /\/blobs\/(?<digest>[^/?]+)/.exec(request.url ?? '')?.groups?.['digest'] ?? '';
      void readFile(join(lab.layoutPath, 'blobs', digest.replace(':', '/'))).then((bytes) =>
        response.end(bytes),
      );
    });
    const target = await listen(storage);
    proxy.fault = ({ path, authorization }) => {
      if (authorization === undefined)
        return { kind: 'answer', status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } };
      return path.includes('/blobs/')
        ? { kind: 'answer', status: 307, headers: { location: `http://${target}${path}` } }
        : undefined;
    };
    await using from = source(`${proxy.host}/os:v1`, { credentials: as(PASSWORD) });
    await lab.pull(from);
    expect(elsewhere).toEqual([undefined, undefined, undefined]);
    storage.close();
    proxy.fault = ({ path }) => ({ kind: 'answer', status: 302, headers: { location: path } });
    await expect(from.resolveDigest()).rejects.toThrow('redirects in a circle');
    proxy.fault = () => ({ kind: 'answer', status: 302, headers: { location: 'file:///etc/passwd' } });
    await expect(from.resolveDigest()).rejects.toMatchObject({
      code: 'OCI_REGISTRY_FAILED',
      details: { status: 302 },
    });
  });

  test('cancelled in the middle', async () => {
    const stop = new AbortController();
    await using from = source(`${proxy.host}/os:v1`);
    const resolved = await from.resolve('amd64');
    proxy.fault = () => ({ kind: 'stall', afterBytes: 10 });
    const reading = collect(from.openBlob(bulk(resolved), 0, { signal: stop.signal }));
    setTimeout(() => stop.abort(), 20);
    await expect(reading).rejects.toMatchObject({ name: 'AbortError' });
  });
});
