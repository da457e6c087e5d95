import { scryptSync } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ErrorCode, makeTempDir, type TempDir } from '@slipway/core';
import {
  type Credentials,
  copyImage,
  type Descriptor,
  type Digest,
  digestOf,
  listRepositories,
  openImage,
  openLayoutWriter,
  openRepository,
  openTarget,
  parseReference,
  type RegistryReference,
  type RegistryTargetOptions,
  type ResolvedImage,
} from '@slipway/oci';
import { serveRegistry } from '@slipway/registry';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { collect, noise, writeSmallImage } from '../packages/oci/src/testing/small-image.ts';
import type { Fault } from './harness/fault.ts';
import { type FaultProxy, startFaultProxy } from './harness/fault-proxy.ts';
import { startRegistry } from './harness/registry.ts';

// Everything our client does, on a network that fails in every way the proxy knows, with TLS and logins: against Debian's
// docker-registry, which asks for a password, and our own, which gives tokens. What may pass is tried again, after a wait that grows
// or that the registry asked for; what was begun is gone on with; everything else is refused by its name. Waiting is recorded, not
// done, and the clock stands still.

const NOW_MS: number = Date.parse('2026-11-21T12:00:00Z');
const ATTEMPTS = 5;
const BASE_MS = 1000;
const LAYER_BYTES = 300_000;
const CHUNK_BYTES = 100_000;
const PASSWORD: Credentials = { kind: 'password', username: 'ci', password: 'push it' };
const JSON_TYPE = 'application/vnd.oci.image.manifest.v1+json';

interface Server {
  readonly login: 'password' | 'token';
  readonly proxy: FaultProxy;
  /** Where the registry redirects to: it knows by itself who may read. */
  readonly storage: FaultProxy;
  readonly certificates: string;
}

let temp: TempDir;
let layout: string;
let image: ResolvedImage;
let bulk: Descriptor;
let cases = 0;
const resources = new AsyncDisposableStack();
const servers: Record<string, Server> = {};

beforeAll(async () => {
  temp = resources.use(await makeTempDir('registry-faults'));
  layout = join(temp.path, 'layout');
  await writeSmallImage(await openLayoutWriter(layout), 'v1', { bulkBytes: LAYER_BYTES });
  await using from = openImage(parseReference(`oci:${layout}:v1`));
  image = await from.resolve('amd64');
  bulk = layerOf(image);
  await startServers();
  for (const name of Object.keys(servers)) {
    await using to = await openTarget(place(name, 'os', 'v1'), optionsFor(name));
    await copyImage(from, image, to, { tag: 'v1' });
  }
});

afterAll(async () => {
  await resources.disposeAsync();
});

async function startServers(): Promise<void> {
  const debian = resources.use(
    await startRegistry({ tls: true, credentials: { username: 'ci', password: 'push it' } }),
  );
  const tls = { certificatePath: debian.caPath ?? '', keyPath: debian.keyPath ?? '' };
  const usersFile = join(temp.path, 'users');
  await writeFile(usersFile, userLine('ci', 'push it'));
  const own = resources.use(
    await serveRegistry({
      root: join(temp.path, 'root'),
      port: 0,
      auth: { usersFile, anonymousPull: true },
      tls: { certificate: await readFile(tls.certificatePath), key: await readFile(tls.keyPath) },
    }),
  );
  servers['docker-registry'] = await behindProxies(debian.hostPort, 'password', tls);
  servers['slipway'] = await behindProxies(own.hostPort, 'token', tls);
}

/** A line of a users file, with a hash that costs next to nothing to check. */
function userLine(name: string, password: string): string {
  const salt = Buffer.from('a saltier salt!!');
  const hash = scryptSync(password, salt, 32, { N: 2, r: 1, p: 1 });
  const unpadded = (bytes: Buffer): string => bytes.toString('base64').replaceAll('=', '');
  return `${name}:$scrypt$ln=1,r=1,p=1$${unpadded(salt)}$${unpadded(hash)}\n`;
}

async function behindProxies(
  hostPort: string,
  login: Server['login'],
  tls: { readonly certificatePath: string; readonly keyPath: string },
): Promise<Server> {
  const authorization = `Basic ${Buffer.from('ci:push it').toString('base64')}`;
  const proxy = resources.use(await startFaultProxy(hostPort, { tls }));
  const storage = resources.use(await startFaultProxy(hostPort, { tls, authorization }));
  const certificates = join(temp.path, `certs-${login}`);
  for (const host of [proxy.hostPort, storage.hostPort]) {
    await mkdir(join(certificates, host), { recursive: true });
    await writeFile(join(certificates, host, 'ca.crt'), await readFile(tls.certificatePath));
  }
  return { login, proxy, storage, certificates };
}

function server(name: string): Server {
  const found = servers[name];
  if (found === undefined) throw new Error(`${name} was not started`);
  return found;
}

function place(name: string, repository: string, tag = 'v1'): RegistryReference {
  const reference = parseReference(`${server(name).proxy.hostPort}/${repository}:${tag}`);
  if (reference.kind !== 'registry') throw new Error('not in a registry');
  return reference;
}

function layerOf({ manifest }: ResolvedImage): Descriptor {
  const layer = manifest.layers[1];
  if (layer === undefined) throw new Error('no layer');
  return layer;
}

/** The client of a case; what it would have waited is noted. */
function optionsFor(name: string, waits: number[] = []): RegistryTargetOptions {
  return {
    retry: {
      attempts: ATTEMPTS,
      baseMs: BASE_MS,
      wait: (waitMs) => {
        waits.push(waitMs);
        return Promise.resolve();
      },
      clock: { nowMs: () => NOW_MS },
    },
    // Only what never answers is ever waited for; a machine that is slow tries once more.
    timeouts: { headersMs: 1200, stallMs: 1200 },
    registries: [],
    credentials: { find: () => Promise.resolve(PASSWORD) },
    certificateDirectories: [server(name).certificates],
  };
}

/** What a request is like, as far as its failures are concerned. */
type Kind = 'head' | 'document' | 'blob' | 'list' | 'login' | 'change' | 'stream' | 'chunk';

interface Prepared {
  readonly name: string;
  readonly options: RegistryTargetOptions;
  /** Different in every case. */
  readonly seed: number;
}

interface Operation {
  readonly name: string;
  readonly kind: Kind;
  readonly method: string;
  readonly path: RegExp;
  /** Done before anything fails. */
  readonly prepare?: (prepared: Prepared) => Promise<void>;
  /** Throws also when what was asked for did not happen. */
  readonly run: (prepared: Prepared) => Promise<void>;
}

const OPERATIONS: readonly Operation[] = [
  {
    name: 'the digest of a tag',
    kind: 'head',
    method: 'HEAD',
    path: /\/manifests\//,
    async run({ name, options }) {
      await using from = openImage(place(name, 'os'), options);
      expect(await from.resolveDigest()).toBe(image.manifestDigest);
    },
  },
  {
    name: 'a manifest',
    kind: 'document',
    method: 'GET',
    path: /\/manifests\//,
    async run({ name, options }) {
      await using from = openImage(place(name, 'os'), options);
      expect((await from.resolve('amd64')).manifestDigest).toBe(image.manifestDigest);
    },
  },
  {
    name: 'a blob',
    kind: 'blob',
    method: 'GET',
    path: /\/blobs\/sha256/,
    async run({ name, options }) {
      await using from = openImage(place(name, 'os'), options);
      expect(digestOf(await collect(from.openBlob(bulk)))).toBe(bulk.digest);
    },
  },
  {
    name: 'whether a blob is there',
    kind: 'head',
    method: 'HEAD',
    path: /\/blobs\/sha256/,
    async run({ name, options }) {
      await using to = await openTarget(place(name, 'os'), options);
      expect(await to.hasBlob(bulk)).toBe(true);
    },
  },
  {
    name: 'a login',
    kind: 'login',
    method: 'GET',
    path: /\/token/,
    async run({ name, options }) {
      await using to = await openTarget(place(name, 'os'), options);
      // Everybody may pull; who wants to push logs in.
      await to.putManifest(image.manifestBytes, image.manifest.mediaType, 'login');
    },
  },
  {
    name: 'a blob pushed in one',
    kind: 'stream',
    method: 'PUT',
    path: /\/blobs\/uploads\//,
    run: (prepared) => pushBlob(prepared, {}),
  },
  {
    name: 'a blob pushed in chunks',
    kind: 'chunk',
    method: 'PATCH',
    path: /\/blobs\/uploads\//,
    run: (prepared) => pushBlob(prepared, { chunkBytes: CHUNK_BYTES }),
  },
  {
    name: 'an upload begun',
    kind: 'change',
    method: 'POST',
    path: /\/blobs\/uploads\//,
    run: (prepared) => pushBlob(prepared, {}),
  },
  {
    name: 'a blob mounted',
    kind: 'change',
    method: 'POST',
    path: /\/blobs\/uploads\/\?mount=/,
    async run({ name, options, seed }) {
      await using to = await openTarget(place(name, `mounted-${seed}`), { ...options, mountFrom: 'os' });
      await using from = openImage(parseReference(`oci:${layout}:v1`));
      await to.putBlob(bulk, () => from.openBlob(bulk));
      expect(await to.hasBlob(bulk)).toBe(true);
    },
  },
  {
    name: 'a manifest pushed',
    kind: 'change',
    method: 'PUT',
    path: /\/manifests\//,
    async run(prepared) {
      const digest = await pushManifest(prepared);
      await using from = openImage(place(prepared.name, 'os', `case-${prepared.seed}`), prepared.options);
      expect(await from.resolveDigest()).toBe(digest);
    },
  },
  {
    name: 'a manifest deleted',
    kind: 'change',
    method: 'DELETE',
    path: /\/manifests\//,
    async prepare(prepared) {
      await pushManifest(prepared);
    },
    async run({ name, options, seed }) {
      await using repository = await openRepository(place(name, 'os'), options);
      await repository.deleteManifest(digestOf(manifestOf(seed)));
    },
  },
  {
    name: 'a blob deleted',
    kind: 'change',
    method: 'DELETE',
    path: /\/blobs\//,
    prepare: (prepared) => pushBlob(prepared, {}),
    async run({ name, options, seed }) {
      await using repository = await openRepository(place(name, 'os'), options);
      await repository.deleteBlob(blobOf(seed).digest);
      await using to = await openTarget(place(name, 'os'), options);
      expect(await to.hasBlob(blobOf(seed))).toBe(false);
    },
  },
  {
    name: 'the list of tags',
    kind: 'list',
    method: 'GET',
    path: /\/tags\/list/,
    async run({ name, options }) {
      await using repository = await openRepository(place(name, 'os'), options);
      expect(await Array.fromAsync(repository.tags())).toContain('v1');
    },
  },
  {
    name: 'the list of repositories',
    kind: 'list',
    method: 'GET',
    path: /\/_catalog/,
    async run({ name, options }) {
      const { hostPort } = server(name).proxy;
      expect(await Array.fromAsync(listRepositories(hostPort, options))).toContain('os');
    },
  },
  {
    name: 'the list of referrers',
    kind: 'list',
    method: 'GET',
    path: /\/referrers\//,
    async run({ name, options }) {
      await using repository = await openRepository(place(name, 'os'), options);
      expect(await repository.referrers(image.manifestDigest)).toEqual([]);
    },
  },
];

function blobOf(seed: number): Descriptor & { readonly bytes: Buffer } {
  const bytes = noise(seed, LAYER_BYTES);
  return { mediaType: bulk.mediaType, digest: digestOf(bytes), size: bytes.length, bytes };
}

async function pushBlob(
  { name, options, seed }: Prepared,
  more: Pick<RegistryTargetOptions, 'chunkBytes'>,
): Promise<void> {
  const blob = blobOf(seed);
  await using to = await openTarget(place(name, 'os'), { ...options, ...more });
  await to.putBlob(blob, async function* () {
    for (let at = 0; at < blob.bytes.length; at += 20_000) yield blob.bytes.subarray(at, at + 20_000);
  });
  expect(await to.hasBlob(blob)).toBe(true);
}

function manifestOf(seed: number): Buffer {
  const manifest = JSON.parse(Buffer.from(image.manifestBytes).toString('utf8')) as object;
  return Buffer.from(JSON.stringify({ ...manifest, annotations: { case: String(seed) } }));
}

async function pushManifest({ name, options, seed }: Prepared): Promise<Digest> {
  await using to = await openTarget(place(name, 'os'), options);
  return await to.putManifest(manifestOf(seed), JSON_TYPE, `case-${seed}`);
}

/** What comes of a fault; undefined: it cannot happen to such a request. */
type Outcome = 'passes' | 'waits' | ErrorCode | undefined;

interface FaultCase {
  readonly name: string;
  readonly fault: (operation: Operation, server: Server) => Fault;
  /** Default: once. */
  readonly times?: number;
  readonly outcome: (operation: Operation, server: Server) => Outcome;
  /** Milliseconds the registry asked for. */
  readonly askedMs?: number;
}

const CHANGES: ReadonlySet<Kind> = new Set(['change', 'stream', 'chunk']);
const HAS_BODY: ReadonlySet<Kind> = new Set(['document', 'blob', 'list', 'login']);
const FOR_EVER = 1000;

const status = (code: number, headers: Readonly<Record<string, string>> = {}): Fault => ({
  kind: 'status',
  status: code,
  headers,
});
const refused = (code: ErrorCode) => (): Outcome => code;
const waits = (): Outcome => 'waits';
const onlyIn =
  (kinds: ReadonlySet<Kind>, outcome: Outcome) =>
  ({ kind }: Operation): Outcome =>
    kinds.has(kind) ? outcome : undefined;

/** Wrong bytes are noticed by their digest, or make no sense. */
function wrongBytes({ kind, path }: Operation): Outcome {
  if (kind === 'document' || kind === 'blob') return 'OCI_DIGEST_MISMATCH';
  if (kind === 'list') return path.test('/referrers/') ? 'OCI_MANIFEST_INVALID' : 'OCI_REGISTRY_FAILED';
  return kind === 'login' ? 'OCI_REGISTRY_FAILED' : undefined;
}

const FAULTS: readonly FaultCase[] = [
  { name: 'a connection dropped', fault: () => ({ kind: 'drop' }), outcome: waits },
  { name: 'no answer', fault: () => ({ kind: 'silence' }), outcome: waits },
  { name: 'an answer lost', fault: () => ({ kind: 'lose-answer' }), outcome: waits },
  {
    name: 'an answer cut',
    fault: ({ kind }) => ({ kind: 'cut', afterBytes: kind === 'blob' ? 100_000 : 10 }),
    outcome: onlyIn(HAS_BODY, 'waits'),
  },
  {
    name: 'an answer that stalls',
    fault: ({ kind }) => ({ kind: 'stall', afterBytes: kind === 'blob' ? 100_000 : 10 }),
    outcome: onlyIn(HAS_BODY, 'waits'),
  },
  {
    name: 'an upload cut',
    fault: ({ kind }) => ({ kind: 'cut-upload', afterBytes: kind === 'change' ? 100 : 50_000 }),
    outcome: ({ kind, method }) =>
      kind === 'stream' || kind === 'chunk' || method === 'PUT' ? 'waits' : undefined,
  },
  { name: '503', fault: () => status(503), outcome: waits },
  {
    name: '429 with seconds',
    fault: () => status(429, { 'retry-after': '7' }),
    outcome: waits,
    askedMs: 7000,
  },
  {
    name: '429 with a date',
    fault: () => status(429, { 'retry-after': new Date(NOW_MS + 9000).toUTCString() }),
    outcome: waits,
    askedMs: 9000,
  },
  {
    name: '429 with more patience than anybody has',
    fault: () => status(429, { 'retry-after': '86400' }),
    outcome: refused('OCI_REGISTRY_FAILED'),
  },
  {
    name: '500 for ever',
    fault: () => status(500),
    times: FOR_EVER,
    outcome: refused('OCI_REGISTRY_FAILED'),
  },
  {
    name: 'connections dropped for ever',
    fault: () => ({ kind: 'drop' }),
    times: FOR_EVER,
    outcome: refused('OCI_UNREACHABLE'),
  },
  { name: '403', fault: () => status(403), outcome: refused('OCI_UNAUTHORIZED') },
  {
    name: '404',
    fault: () => status(404),
    // That there is no blob, or no list of referrers, is an answer.
    outcome: ({ path }) =>
      path.test('/referrers/') || path.test('/blobs/sha256') ? undefined : 'OCI_NOT_FOUND',
  },
  {
    name: 'an answer that is too short',
    fault: () => ({ kind: 'truncate', toBytes: 9 }),
    outcome: wrongBytes,
  },
  { name: 'a byte that is another', fault: () => ({ kind: 'corrupt', atByte: 0 }), outcome: wrongBytes },
  {
    name: 'a redirect elsewhere',
    fault: (_operation, { storage }) => ({ kind: 'redirect', status: 307, to: storage.url }),
    // A stream cannot be sent twice, and a password goes to no other place than the one that was named.
    outcome: ({ kind }) => (kind === 'stream' || kind === 'login' ? 'OCI_REGISTRY_FAILED' : 'passes'),
  },
  {
    name: 'redirects in a circle',
    fault: (_operation, { proxy }) => ({ kind: 'redirect', status: 307, to: proxy.url }),
    times: FOR_EVER,
    outcome: refused('OCI_REGISTRY_FAILED'),
  },
  {
    name: 'a redirect to plain HTTP',
    fault: (_operation, { storage }) => ({
      kind: 'redirect',
      status: 302,
      to: storage.url.replace('https:', 'http:'),
    }),
    outcome: refused('OCI_REGISTRY_FAILED'),
  },
  {
    name: 'a token that has ended',
    fault: (_operation, { login }) => ({
      kind: 'authorization',
      value: login === 'token' ? 'Bearer ended' : `Basic ${Buffer.from('ci:old').toString('base64')}`,
    }),
    outcome: ({ kind }, { login }) => {
      if (kind === 'login') return undefined;
      // A password that was refused is not tried again: that is how accounts are locked.
      if (login === 'password') return 'OCI_UNAUTHORIZED';
      return kind === 'stream' ? 'waits' : 'passes';
    },
  },
  {
    name: 'a web page',
    fault: () => ({ kind: 'headers', headers: { 'content-type': 'text/html; charset=utf-8' } }),
    outcome: onlyIn(new Set(['document']), 'OCI_MANIFEST_INVALID'),
  },
  {
    name: 'an image called an index',
    fault: () => ({
      kind: 'headers',
      headers: { 'content-type': 'application/vnd.oci.image.index.v1+json' },
    }),
    outcome: onlyIn(new Set(['document']), 'OCI_MANIFEST_INVALID'),
  },
  {
    name: 'another digest',
    fault: () => ({ kind: 'headers', headers: { 'docker-content-digest': `sha256:${'0'.repeat(64)}` } }),
    outcome: ({ kind, method, path }) =>
      kind === 'document' || (method === 'PUT' && path.test('/manifests/'))
        ? 'OCI_DIGEST_MISMATCH'
        : undefined,
  },
];

describe.each(['docker-registry', 'slipway'])('%s', (name) => {
  const hasToken = name === 'slipway';
  describe.each(OPERATIONS.filter(({ kind }) => kind !== 'login' || hasToken))('$name', (operation) => {
    // docker-registry 2.8 keeps no list of referrers: a request is made all the same, and its failures are handled alike.
    const login = hasToken ? 'token' : 'password';
    const possible = FAULTS.filter(
      ({ outcome }) => outcome(operation, { login } as Server) !== undefined,
    ).filter(({ name: fault }) => hasToken || !isMeaningless(operation, fault));
    test.each(possible)('$name', (faultCase) => oneCase(name, operation, faultCase));
  });

  test('a pull that breaks again and again fetches every byte once', async () => {
    const { proxy } = server(name);
    proxy.clear();
    const at = [50_000, 100_000, 1, 70_000];
    const authorizedOnly = server(name).login === 'password';
    for (const afterBytes of at) proxy.inject({ kind: 'cut', afterBytes }, { authorizedOnly });
    await using from = openImage(place(name, 'os'), optionsFor(name));
    expect(digestOf(await collect(from.openBlob(bulk)))).toBe(bulk.digest);
    const requests = proxy.blobRequests(bulk.digest).filter(({ status: code }) => code !== 401);
    expect(requests.map(({ range }) => range)).toEqual([
      undefined,
      'bytes=50000-',
      'bytes=150000-',
      'bytes=150001-',
      'bytes=220001-',
    ]);
  });

  test('a large push that breaks is gone on with in pieces', async () => {
    const { proxy } = server(name);
    const bytes = noise(12_345, 20_000_000);
    const blob = { mediaType: bulk.mediaType, digest: digestOf(bytes), size: bytes.length };
    // Nothing is silent here, and a server may take its time with pieces of this size.
    await using to = await openTarget(place(name, 'os'), { ...optionsFor(name), timeouts: {} });
    await to.hasBlob(blob);
    proxy.clear();
    proxy.inject({ kind: 'cut-upload', afterBytes: 9_000_000 }, { method: 'PUT', path: /uploads/ });
    proxy.inject({ kind: 'drop' }, { method: 'PATCH', path: /uploads/ });
    await to.putBlob(blob, async function* () {
      for (let at = 0; at < bytes.length; at += 500_000) yield bytes.subarray(at, at + 500_000);
    });
    expect(await to.hasBlob(blob)).toBe(true);
    const sent = proxy.requests.filter(({ method }) => method === 'PATCH');
    expect(sent.map(({ receivedBytes }) => receivedBytes).filter((count) => count > 0)).toEqual([
      8 << 20,
      8 << 20,
      bytes.length - (16 << 20),
    ]);
  });
});

/** What docker-registry never sends because it has no list of referrers. */
function isMeaningless({ path }: Operation, fault: string): boolean {
  return path.test('/referrers/') && /too short|another|cut|stalls|token/.test(fault);
}

async function oneCase(name: string, operation: Operation, faultCase: FaultCase): Promise<void> {
  const { proxy, storage } = server(name);
  const waited: number[] = [];
  cases += 1;
  const prepared = { name, options: optionsFor(name, waited), seed: 1000 + cases };
  proxy.clear();
  storage.clear();
  await operation.prepare?.(prepared);
  waited.length = 0;
  proxy.clear();
  const { method, path } = operation;
  const fault = faultCase.fault(operation, server(name));
  // A request that will be refused for want of a login is not what is to fail.
  const isToken = server(name).login === 'token';
  const authorizedOnly = isToken
    ? CHANGES.has(operation.kind) && fault.kind !== 'authorization'
    : !path.test('/referrers/');
  proxy.inject(fault, { method, path, times: faultCase.times ?? 1, authorizedOnly });
  const outcome = faultCase.outcome(operation, server(name));

  if (outcome === 'passes' || outcome === 'waits') {
    await operation.run(prepared);
  } else {
    await expect(operation.run(prepared)).rejects.toMatchObject({
      code: outcome,
      message: expect.stringMatching(/^cannot /),
    });
  }

  expect(proxy.requests.filter((seen) => seen.fault === fault.kind)).not.toHaveLength(0);
  if (outcome === 'waits') expect(waited.length).toBeGreaterThan(0);
  if (faultCase.askedMs !== undefined) expect(waited[0]).toBe(faultCase.askedMs);
  if (faultCase.times === FOR_EVER && fault.kind !== 'redirect') expectGrowing(waited);
  // Who we are is nobody's business but the registry's.
  expect(storage.requests.filter(({ isAuthorized }) => isAuthorized)).toEqual([]);
}

/** From half to all of a wait that doubles each time. */
function expectGrowing(waited: readonly number[]): void {
  expect(waited.length).toBeGreaterThanOrEqual(ATTEMPTS - 1);
  for (const [index, waitMs] of waited.slice(0, ATTEMPTS - 1).entries()) {
    expect(waitMs).toBeGreaterThanOrEqual((BASE_MS * 2 ** index) / 2);
    expect(waitMs).toBeLessThanOrEqual(BASE_MS * 2 ** index);
  }
}
