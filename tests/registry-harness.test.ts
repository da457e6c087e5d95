import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { type FaultProxy, startFaultProxy } from './harness/fault-proxy.ts';
import { startRegistry, type TestRegistry } from './harness/registry.ts';

// What other tests rest on: a real registry, and one that fails exactly as told.

const BLOB: Buffer = Buffer.from(Array.from({ length: 200_000 }, (_, index) => index % 251));
const DIGEST: string = digestOf(BLOB);

describe('the registry', () => {
  test('keeps what is pushed, and can be made to lie', async () => {
    await using registry = await startRegistry();
    await push(registry.hostPort);
    expect(digestOf(await pull(registry.hostPort))).toBe(DIGEST);
    await registry.corruptBlob(DIGEST, -1);
    expect((await pull(registry.hostPort)).at(-1)).toBe((BLOB.at(-1) ?? 0) ^ 0xff);
    await registry.truncateBlob(DIGEST, 1000);
    expect((await pull(registry.hostPort)).length).toBe(1000);
    await registry.deleteBlob(DIGEST);
    expect((await fetch(blobUrl(registry.hostPort))).status).toBe(404);
  });

  test('asks for a password', async () => {
    await using registry = await startRegistry({ credentials: { username: 'user', password: 'secret' } });
    const status = async (password: string): Promise<number> => {
      const authorization = `Basic ${Buffer.from(`user:${password}`).toString('base64')}`;
      return (await fetch(`http://${registry.hostPort}/v2/`, { headers: { authorization } })).status;
    };
    expect(await status('wrong')).toBe(401);
    expect(await status('secret')).toBe(200);
  });

  test('speaks TLS with a certificate that must be named to be trusted', async () => {
    await using registry = await startRegistry({ tls: true });
    await expect(getOverTls(registry, undefined)).rejects.toThrow(/self-signed|DEPTH_ZERO/);
    expect(await getOverTls(registry, await readFile(registry.caPath ?? '', 'utf8'))).toBe('{}');
  });
});

describe('the fault proxy', () => {
  test('passes everything on, and counts', async () => {
    await using registry = await startRegistry();
    await using proxy = await startFaultProxy(registry.hostPort);
    await push(proxy.hostPort);
    expect(digestOf(await pull(proxy.hostPort))).toBe(DIGEST);
    expect((await pull(proxy.hostPort, 'bytes=150000-')).length).toBe(50_000);
    expect(proxy.blobRequests(DIGEST)).toMatchObject([
      { status: 200, sentBytes: 200_000, range: undefined },
      { status: 206, sentBytes: 50_000, range: 'bytes=150000-' },
    ]);
  });

  test('fails as told, as often as told', async () => {
    await using registry = await startRegistry();
    await using proxy = await startFaultProxy(registry.hostPort);
    await push(proxy.hostPort);

    proxy.inject({ kind: 'status', status: 503, headers: { 'retry-after': '1' } }, { times: 2 });
    const busy = await fetch(blobUrl(proxy.hostPort));
    expect([busy.status, busy.headers.get('retry-after')]).toEqual([503, '1']);
    expect((await fetch(blobUrl(proxy.hostPort))).status).toBe(503);

    proxy.inject({ kind: 'cut', afterBytes: 70_000 });
    expect((await pullUntilItBreaks(proxy)).length).toBe(70_000);
    proxy.inject({ kind: 'cut', afterBytes: 0 });
    expect((await pullUntilItBreaks(proxy)).length).toBe(0);

    proxy.inject({ kind: 'corrupt', atByte: 150_001 });
    expect((await pull(proxy.hostPort, 'bytes=150000-'))[1]).toBe((BLOB[150_001] ?? 0) ^ 0xff);
    proxy.inject({ kind: 'ignore-range' });
    expect((await pull(proxy.hostPort, 'bytes=150000-')).length).toBe(200_000);
    expect(digestOf(await pull(proxy.hostPort))).toBe(DIGEST);
    expect(proxy.blobRequests().map(({ fault }) => fault)).toEqual([
      'status',
      'status',
      'cut',
      'cut',
      'corrupt',
      'ignore-range',
      undefined,
    ]);
  });

  test('stalls until the client gives up', async () => {
    await using registry = await startRegistry();
    await using proxy = await startFaultProxy(registry.hostPort);
    await push(proxy.hostPort);
    proxy.inject({ kind: 'stall', afterBytes: 10 });
    const abort = new AbortController();
    const response = await fetch(blobUrl(proxy.hostPort), { signal: abort.signal });
    const reader = response.body?.getReader();
    expect((await reader?.read())?.value?.length).toBe(10);
    abort.abort();
    await expect(reader?.read()).rejects.toMatchObject({ name: 'AbortError' });
  });
});

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function blobUrl(hostPort: string): string {
  return `http://${hostPort}/v2/test/blobs/${DIGEST}`;
}

async function push(hostPort: string): Promise<void> {
  const start = await fetch(`http://${hostPort}/v2/test/blobs/uploads/`, { method: 'POST' });
  const place = new URL(start.headers.get('location') ?? '', start.url);
  expect(place.host).toBe(hostPort);
  place.searchParams.set('digest', DIGEST);
  expect((await fetch(place, { method: 'PUT', body: new Uint8Array(BLOB) })).status).toBe(201);
}

async function pull(hostPort: string, range?: string): Promise<Buffer> {
  const response = await fetch(blobUrl(hostPort), range === undefined ? {} : { headers: { range } });
  return Buffer.from(await response.arrayBuffer());
}

async function pullUntilItBreaks(proxy: FaultProxy): Promise<Buffer> {
  const response = await fetch(blobUrl(proxy.hostPort));
  const chunks: Uint8Array[] = [];
  await expect(
    (async () => {
      for await (const chunk of response.body ?? []) chunks.push(chunk);
    })(),
  ).rejects.toThrow();
  return Buffer.concat(chunks);
}

async function getOverTls(registry: TestRegistry, ca: string | undefined): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const agent = new Agent(ca === undefined ? {} : { ca });
  request(`https://${registry.hostPort}/v2/`, { agent })
    .once('response', (response) => void text(response).then(resolve, reject))
    .once('error', reject)
    .end();
  return promise;
}
