/** The registry as a neighbour on the network: rude clients, cut connections, many at once, other tools in its directory. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { makeTempDir, type TempDir } from '@slipway/core';
import {
  layoutSource,
  NO_CREDENTIALS,
  openImage,
  openLayoutWriter,
  parseDigest,
  parseReference,
} from '@slipway/oci';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RegistryServer, type ServeRegistryOptions, serveRegistry } from './serve.ts';
import { RawClient } from './testing/raw-client.ts';
import {
  bytesFor,
  descriptorOf,
  digestOf,
  document,
  OCI_INDEX,
  OCI_MANIFEST,
  RegistryUser,
  withDigest,
} from './testing/registry-user.ts';

let temp: TempDir;
let roots = 0;

beforeAll(async () => {
  temp = await makeTempDir('registry-serve');
});

afterAll(async () => {
  await temp[Symbol.asyncDispose]();
});

function newRoot(): string {
  roots += 1;
  return join(temp.path, `root${roots}`);
}

async function serve(options: Partial<ServeRegistryOptions> = {}): Promise<RegistryServer> {
  return await serveRegistry({ root: newRoot(), port: 0, ...options });
}

function user(server: RegistryServer, repository = 'os'): RegistryUser {
  return new RegistryUser(new RawClient(server.url), repository);
}

/** A connection, cut at the end of its block. */
interface Line extends Disposable {
  readonly socket: Socket;
}

async function dial(server: RegistryServer): Promise<Line> {
  const { hostname, port } = new URL(server.url);
  const socket = connect({ host: hostname, port: Number(port) });
  await once(socket, 'connect');
  socket.on('error', () => undefined);
  return { socket, [Symbol.dispose]: () => socket.destroy() };
}

/** All that comes until the server hangs up. It may do so by a reset: it does when it has not read all that was sent. */
async function heard({ socket }: Line): Promise<string> {
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
  await new Promise((resolve) => socket.once('close', resolve));
  return answer;
}

/** Sends text as it stands, and answers with all that comes back. */
async function talk(server: RegistryServer, request: string): Promise<string> {
  using line = await dial(server);
  line.socket.write(request);
  return await heard(line);
}

describe('rude clients', () => {
  test('paths that lead elsewhere', async () => {
    await using server = await serve();
    await writeFile(join(temp.path, 'secret'), 'secret');
    for (const path of [
      '/v2/../../secret',
      '/v2/../secret/blobs/uploads/',
      `/v2/a/blobs/sha256:../../../../secret`,
      '/v2/a/manifests/..%2f..%2f..%2fsecret',
      '/v2/%2e%2e/%2e%2e/manifests/secret',
      '/v2/a/blobs/uploads/..%2f..%2f..%2fsecret',
      '/v2/a/referrers/..%2fsecret',
    ]) {
      for (const method of ['GET', 'PUT', 'DELETE', 'POST', 'PATCH']) {
        const { status, body } = await user(server).send({
          method,
          path,
          body: method === 'GET' ? undefined : 'x',
        } as never);
        expect([400, 404, 405], `${method} ${path}`).toContain(status);
        expect(body.toString()).not.toBe('secret');
      }
    }
    expect(await readFile(join(temp.path, 'secret'), 'utf8')).toBe('secret');
  });

  test('bodies that are too large', async () => {
    await using server = await serve({ maxBlobBytes: 100_000 });
    const ci = user(server);
    const large = bytesFor('large', 100_001);
    await ci.expect(413, { method: 'PUT', path: withDigest(await ci.begin(), digestOf(large)), body: large });
    // Of a length nobody says, it is found out on the way.
    await ci.expect(413, { method: 'PATCH', path: await ci.begin(), body: [large, large] });
    const headers = { 'content-type': OCI_MANIFEST };
    const chunks = Array.from({ length: 50 }, () => Buffer.alloc(100_000, ' '));
    await ci.refused(413, 'SIZE_INVALID', { method: 'PUT', path: 'manifests/v1', headers, body: chunks });
    await ci.expect(200, { path: '/v2/' });
  });

  test('lengths that lie', async () => {
    await using server = await serve();
    const ci = user(server);
    const headers = { 'content-range': '0-9' };
    await ci.refused(400, 'SIZE_INVALID', {
      method: 'PATCH',
      path: await ci.begin(),
      headers,
      body: 'five!',
    });
    const strange = { 'content-range': 'all of it' };
    await ci.refused(400, 'BLOB_UPLOAD_INVALID', {
      method: 'PATCH',
      path: await ci.begin(),
      headers: strange,
      body: 'x',
    });
    const twice = await talk(
      server,
      'PUT /v2/os/manifests/v1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello',
    );
    expect(twice).toMatch(/^HTTP\/1.1 400 /);
    const smuggled = await talk(
      server,
      'PUT /v2/os/manifests/v1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    );
    expect(smuggled).toMatch(/^HTTP\/1.1 400 /);
  });

  test('clients that say nothing, or hardly anything', async () => {
    await using server = await serve({ patience: { stallMs: 100, leastBytesPerSecond: 1 << 20 } });
    const place = await user(server).begin();
    const head = `PATCH ${place} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n`;
    // Nothing comes: the connection ends.
    expect(await talk(server, head)).toBe('');
    // One byte now and then: it ends too, and what has come stays.
    using line = await dial(server);
    line.socket.write(head);
    const drip = setInterval(() => line.socket.write('x'), 20);
    const answer = await heard(line);
    clearInterval(drip);
    expect(answer).toMatch(/^HTTP\/1.1 408 /);
    const { headers } = await user(server).expect(204, { path: place });
    expect(headers['range']).toMatch(/^0-[0-9]+$/);
  });

  test('pages in a browser', async () => {
    await using server = await serve();
    const headers = { origin: 'https://evil.example' };
    await user(server).refused(403, 'DENIED', { method: 'POST', path: 'blobs/uploads/', headers });
    const preflight = await user(server).expect(405, { method: 'OPTIONS', path: 'manifests/v1', headers });
    expect(preflight.headers['access-control-allow-origin']).toBeUndefined();
    const { headers: sent } = await user(server).expect(200, { path: '/v2/', headers });
    expect(sent['x-content-type-options']).toBe('nosniff');
  });

  test('uploads opened for sport come to an end', async () => {
    const root = newRoot();
    await using server = await serve({ root });
    const ci = user(server);
    await ci.begin();
    const uploads = join(root, '.slipway-registry', 'uploads');
    for (let at = 0; at < 2000; at += 1) writeFileSync(join(uploads, `x-${at}`), '');
    const { headers } = await ci.refused(429, 'TOOMANYREQUESTS', { method: 'POST', path: 'blobs/uploads/' });
    expect(headers['retry-after']).toBe('60');
  });
});

describe('connections that break', () => {
  test('an upload is gone on with where it stopped, also by the next server', async () => {
    const root = newRoot();
    const bytes = bytesFor('resumed', 300_000);
    let place: string;
    {
      await using server = await serve({ root });
      place = await user(server).begin();
      using line = await dial(server);
      line.socket.write(`PATCH ${place} HTTP/1.1\r\nHost: x\r\nContent-Length: ${bytes.length}\r\n\r\n`);
      line.socket.write(bytes.subarray(0, 100_000));
      await expect.poll(() => received(user(server), place)).toBe(100_000);
      // While one request sends, no other may.
      await user(server).expect(409, { method: 'PATCH', path: place, body: 'x' });
      line.socket.destroy();
      await expect.poll(() => statusOf(user(server), place)).toBe(416);
    }
    await using server = await serve({ root });
    const ci = user(server);
    expect(await received(ci, place)).toBe(100_000);
    const headers = { 'content-range': `100000-${bytes.length - 1}` };
    await ci.expect(202, { method: 'PATCH', path: place, headers, body: bytes.subarray(100_000) });
    await ci.expect(201, { method: 'PUT', path: withDigest(place, digestOf(bytes)) });
    expect((await ci.expect(200, { path: `blobs/${digestOf(bytes)}` })).body.equals(bytes)).toBe(true);
  });

  test('an upload belongs to its repository', async () => {
    await using server = await serve();
    const place = await user(server, 'mine').begin();
    await user(server).expect(404, { path: place.replace('/mine/', '/yours/') });
    await user(server).expect(204, { path: place });
  });
});

test('many at once: the same blobs, tags and manifests', async () => {
  const root = newRoot();
  await using server = await serve({ root });
  await Promise.all(
    Array.from({ length: 12 }, async (_, at) => {
      const ci = user(server, `os${at % 3}`);
      const shared = await ci.image('shared');
      await ci.pushManifest(shared, `shared${at}`);
      await ci.pushManifest(await ci.image(`own ${at}`), 'latest');
    }),
  );
  for (const name of ['os0', 'os1', 'os2']) {
    expect(await user(server, name).json('tags/list')).toMatchObject({
      tags: expect.arrayContaining(['latest']),
    });
  }
  const index = JSON.parse(await readFile(join(root, 'index.json'), 'utf8')) as { manifests: unknown[] };
  expect(index.manifests).toHaveLength(12 + 3);
  expect(await readdir(join(root, '.slipway-registry', 'temporary'))).toEqual([]);
  expect(await readdir(join(root, '.slipway-registry', 'uploads'))).toEqual([]);
});

describe('the directory is an OCI layout', () => {
  async function layoutWith(root: string, tag: string): Promise<string> {
    const writer = await openLayoutWriter(root);
    const config = Buffer.from(
      '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}',
    );
    await writer.putBlob(
      { ...descriptorOf('application/vnd.oci.image.config.v1+json', config) } as never,
      async function* () {
        yield config;
      },
    );
    const manifest = {
      schemaVersion: 2,
      config: descriptorOf('application/vnd.oci.image.config.v1+json', config),
      layers: [],
      annotations: { root },
    };
    const image = Buffer.from(JSON.stringify(manifest));
    await writer.putManifest(image, OCI_MANIFEST, undefined);
    const index = document(OCI_INDEX, { schemaVersion: 2, manifests: [descriptorOf(OCI_MANIFEST, image)] });
    await writer.putManifest(index.bytes, OCI_INDEX, tag);
    return index.digest;
  }

  test.each([false, true])('what another tool put there is served (read-only: %s)', async (readOnly) => {
    const root = newRoot();
    const digest = await layoutWith(root, 'team/os:v1');
    await layoutWith(root, 'not-a-repository');
    await using server = await serve({ root, readOnly });
    const ci = user(server, 'team/os');
    expect(await ci.json('tags/list')).toEqual({ name: 'team/os', tags: ['v1'] });
    expect(await ci.json('/v2/_catalog')).toEqual({ repositories: ['team/os'] });
    const index = await ci.expect(200, { path: 'manifests/v1' });
    expect(index.headers['docker-content-digest']).toBe(digest);
    const { manifests } = JSON.parse(index.body.toString()) as { manifests: { digest: string }[] };
    const image = await ci.expect(200, { path: `manifests/${manifests[0]?.digest ?? ''}` });
    const { config } = JSON.parse(image.body.toString()) as { config: { digest: string } };
    await ci.expect(200, { path: `blobs/${config.digest}` });
    await user(server, 'other').expect(404, { path: `blobs/${config.digest}` });

    await layoutWith(root, 'team/os:v2');
    await ci.expect(200, { path: 'manifests/v2' });
    expect((await readdir(root)).includes('.slipway-registry')).toBe(!readOnly);
    expect(await readFile(join(root, 'index.json'), 'utf8')).toContain('"not-a-repository"');
  });

  test('what is pushed is read by whoever reads layouts', async () => {
    const root = newRoot();
    await using server = await serve({ root });
    const ci = user(server, 'team/os');
    const image = await ci.image('layout', { config: undefined });
    await ci.send({ method: 'PUT', path: 'manifests/v0', body: image.bytes });
    const good = await ci.image('layout');
    await ci.pushManifest(good, 'v1');
    const reference = parseReference(`oci:${root}:team/os:v1`);
    if (reference.kind !== 'oci') throw new Error('not a layout');
    await using source = layoutSource(reference);
    expect(await source.resolveDigest()).toBe(good.digest);
  });

  test('damage is not passed on, and healed by pushing again', async () => {
    const root = newRoot();
    await using server = await serve({ root });
    const ci = user(server);
    const image = await ci.image('damage');
    await ci.pushManifest(image, 'v1');
    const path = join(root, 'blobs', 'sha256', image.digest.slice(7));
    await writeFile(path, '{}');
    await ci.refused(500, 'UNKNOWN', { path: 'manifests/v1' });
    await rm(path);
    await ci.expect(404, { path: 'manifests/v1' });
    await ci.pushManifest(image, 'v1');
    await ci.expect(200, { path: 'manifests/v1' });
  });

  test('nothing is written, and nothing taken, where it is read-only', async () => {
    const root = newRoot();
    {
      await using server = await serve({ root });
      await user(server).pushManifest(await user(server).image('ro'), 'v1');
    }
    const copy = newRoot();
    await cp(root, copy, { recursive: true });
    await using server = await serve({ root: copy, readOnly: true });
    const ci = user(server);
    await ci.expect(200, { path: 'manifests/v1' });
    for (const request of [
      { method: 'POST', path: 'blobs/uploads/' },
      { method: 'PUT', path: 'manifests/v2', body: '{}' },
      { method: 'DELETE', path: 'manifests/v1' },
    ]) {
      await ci.refused(405, 'UNSUPPORTED', request);
    }
    expect(await allFiles(copy)).toEqual(await allFiles(root));
    await expect(serve({ readOnly: true })).rejects.toMatchObject({ code: 'OCI_LAYOUT_INVALID' });
  });

  test('a directory that is something else is left alone', async () => {
    const root = newRoot();
    await mkdir(root);
    await writeFile(join(root, 'index.json'), 'not ours');
    await expect(serve({ root })).rejects.toMatchObject({ code: 'OCI_LAYOUT_INVALID' });
    expect(await readFile(join(root, 'index.json'), 'utf8')).toBe('not ours');
  });
});

describe('the life of a server', () => {
  test('an address that is taken', async () => {
    await using server = await serve();
    const port = Number(new URL(server.url).port);
    await expect(serve({ port })).rejects.toMatchObject({ code: 'REGISTRY_LISTEN_FAILED' });
  });

  test('a request under way ends before the server does', async () => {
    const abort = new AbortController();
    await using server = await serve({ signal: abort.signal });
    const bytes = bytesFor('farewell', 200_000);
    const place = withDigest(await user(server).begin(), digestOf(bytes));
    using line = await dial(server);
    line.socket.write(`PUT ${place} HTTP/1.1\r\nHost: x\r\nContent-Length: ${bytes.length}\r\n\r\n`);
    line.socket.write(bytes.subarray(0, 100_000));
    await expect.poll(() => received(user(server), place)).toBe(100_000);
    abort.abort();
    const closed = server[Symbol.asyncDispose]();
    await expect.poll(() => isListening(server)).toBe(false);
    line.socket.write(bytes.subarray(100_000));
    expect(await text(line.socket)).toMatch(/^HTTP\/1.1 201 /);
    await closed;
  });
});

async function received(ci: RegistryUser, place: string): Promise<number> {
  const { headers } = await ci.send({ path: place.replace(/\?.*/, '') });
  const last = /^0-(?<last>[0-9]+)$/.exec(String(headers['range']))?.groups?.['last'];
  return Number(last) + 1;
}

/** An empty chunk at the wrong place: 409 while another sends, else 416. */
async function statusOf(ci: RegistryUser, place: string): Promise<number> {
  const headers = { 'content-range': '999999-999999' };
  return (await ci.send({ method: 'PATCH', path: place, headers, body: 'x' })).status;
}

async function isListening(server: RegistryServer): Promise<boolean> {
  try {
    using _line = await dial(server);
    return true;
  } catch {
    return false;
  }
}

async function allFiles(root: string): Promise<readonly string[]> {
  return (await readdir(root, { recursive: true })).toSorted();
}

describe('parts of a blob', () => {
  const BYTES = Buffer.from(Array.from({ length: 700_000 }, (_, index) => index % 251));

  test('several in one answer', async () => {
    await using server = await serve();
    const ci = user(server);
    await ci.pushBlob(BYTES);
    const path = `blobs/${digestOf(BYTES)}`;
    const range = 'bytes=0-0,10-19,300000-699998';
    const { headers, body } = await ci.expect(206, { path, headers: { range } });
    const boundary = /^multipart\/byteranges; boundary=([0-9a-f]{32})$/.exec(
      headers['content-type'] ?? '',
    )?.[1];
    const part = (first: number, last: number): Buffer =>
      Buffer.concat([
        Buffer.from(`\r\n--${boundary}\r\ncontent-type: application/octet-stream\r\n`),
        Buffer.from(`content-range: bytes ${first}-${last}/700000\r\n\r\n`),
        BYTES.subarray(first, last + 1),
      ]);
    const end = Buffer.from(`\r\n--${boundary}--\r\n`);
    expect(body.equals(Buffer.concat([part(0, 0), part(10, 19), part(300_000, 699_998), end]))).toBe(true);
    // Bytes twice, or out of their order, would be of no use to anyone but a client that wants to keep a server busy.
    for (const odd of ['bytes=0-10,5-20', 'bytes=5-20,0-1']) {
      const whole = await ci.expect(200, { path, headers: { range: odd } });
      expect(whole.body.equals(BYTES)).toBe(true);
    }
  });

  test('are what our client asks for', async () => {
    await using server = await serve();
    await user(server).pushBlob(BYTES);
    const { host } = new URL(server.url);
    await using from = openImage(parseReference(`${host}/os:v1`), {
      credentials: NO_CREDENTIALS,
      registries: [],
    });
    const ranges = Array.from({ length: 100 }, (_, index) => ({
      startBytes: index * 7000,
      endBytes: index * 7000 + 70,
    }));
    if (from.openBlobParts === undefined) throw new Error('it has no parts');
    const parts = from.openBlobParts(
      { mediaType: '', digest: parseDigest(digestOf(BYTES)), size: BYTES.length },
      ranges,
    );
    const wanted = ranges.map(({ startBytes, endBytes }) => BYTES.subarray(startBytes, endBytes));
    expect((await buffer(parts)).equals(Buffer.concat(wanted))).toBe(true);
  });
});
