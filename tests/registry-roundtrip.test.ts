/**
 * Images to a registry and back through the command: with a password, over TLS trusted in each documented way, byte for byte what
 * skopeo sees, and nothing sent that is there already.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { chmod, chown, cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, run, type TempDir } from '@slipway/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FaultProxy, startFaultProxy } from './harness/fault-proxy.ts';
import { AS_NOBODY, slipwayThrough } from './harness/refusal.ts';
import { startRegistry, type TestRegistry } from './harness/registry.ts';
import { slipway, slipwayJson } from './harness/slipway.ts';
import { tinyDigests, writeTinyImage } from './harness/tiny-image.ts';

const NOBODY = 65_534;
const USER = { username: 'user', password: 'p:ä ss' };

let temp: TempDir;
let layout: string;
let image: string;
let digest: string;
let env: Readonly<Record<string, string>>;

beforeAll(async () => {
  temp = await makeTempDir('roundtrip');
  // Others than root must get in.
  await chmod(temp.path, 0o755);
  layout = join(temp.path, 'layout');
  env = { SLIPWAY_CACHE: join(temp.path, 'cache'), REGISTRY_AUTH_FILE: join(temp.path, 'no-auth.json') };
  image = await writeTinyImage(layout);
  digest = (await tinyDigests(layout)).manifest;
});
afterAll(async () => {
  await temp[Symbol.asyncDispose]();
});

describe('a registry with TLS that asks for a password', () => {
  let registry: TestRegistry;
  let trusted: Readonly<Record<string, string>>;
  let certificates: string;
  let authFile: string;

  beforeAll(async () => {
    registry = await startRegistry({ tls: true, credentials: USER });
    authFile = join(temp.path, 'auth.json');
    const auth = Buffer.from(`${USER.username}:${USER.password}`).toString('base64');
    writeFileSync(authFile, JSON.stringify({ auths: { [registry.hostPort]: { auth } } }));
    // As containers-certs.d(5) has it: a directory for each registry.
    certificates = join(temp.path, 'certs.d');
    mkdirSync(join(certificates, registry.hostPort), { recursive: true });
    await cp(registry.caPath ?? '', join(certificates, registry.hostPort, 'ca.crt'));
    await chmod(join(certificates, registry.hostPort, 'ca.crt'), 0o644);
    trusted = { ...env, REGISTRY_AUTH_FILE: authFile, SSL_CERT_FILE: registry.caPath ?? '' };
  });
  afterAll(async () => {
    await registry[Symbol.asyncDispose]();
  });

  test('gets an image, gives it back byte for byte, and skopeo sees the same', async () => {
    const reference = `${registry.hostPort}/os/tiny:v1`;
    const pushed = await slipwayJson(['push', image, reference], { env: trusted });
    expect(pushed).toEqual({ source: image, target: reference, digest });
    expect(await skopeo('inspect', '--format', '{{.Digest}}', `docker://${reference}`)).toBe(`${digest}\n`);

    const facts = await slipwayJson(['inspect', reference], { env: trusted });
    expect(facts).toMatchObject({ image: reference, digest, manifestDigest: digest, architecture: 'amd64' });
    expect(facts).toEqual({ ...(await factsOf(image)), image: reference });

    const back = join(temp.path, 'back');
    await slipway(['push', `${reference}@${digest}`, `oci:${back}:again`], { env: trusted });
    expect(blobsOf(back)).toEqual(blobsOf(layout));
    expect((await tinyDigests(back)).manifest).toBe(digest);
  });

  test('is trusted by its certificate in the certs.d of the machine, and of a user', async () => {
    const reference = `${registry.hostPort}/os/tiny:certs`;
    await slipway(['push', '-q', image, reference], { env: trusted });

    const machine = ['unshare', '--mount', '--', 'sh', '-euc', overEtc(await etcWith(certificates)), 'sh'];
    const asRoot = await slipwayThrough(machine, ['inspect', reference], { REGISTRY_AUTH_FILE: authFile });
    expect(asRoot).toMatchObject({ exitCode: 0, stderr: '' });

    const home = join(temp.path, 'home');
    await mkdir(join(home, '.config/containers'), { recursive: true });
    await cp(certificates, join(home, '.config/containers/certs.d'), { recursive: true });
    await cp(authFile, join(home, '.config/containers/auth.json'));
    await chmod(join(home, '.config/containers/auth.json'), 0o644);
    await chown(home, NOBODY, NOBODY);
    const asUser = await slipwayThrough(AS_NOBODY, ['inspect', reference], {
      HOME: home,
      XDG_RUNTIME_DIR: home,
    });
    expect(asUser).toMatchObject({ exitCode: 0, stderr: '' });
    expect(asUser.stdout).toBe(asRoot.stdout);
  });

  test('makes the same disk as the layout does', async () => {
    const reference = `${registry.hostPort}/os/tiny:disk`;
    await slipway(['push', '-q', image, reference], { env: trusted });
    const make = async (source: string, name: string): Promise<unknown> => {
      const options = [
        '--target-imgref',
        'registry.example/os:v1',
        '--cache',
        join(temp.path, `cache-${name}`),
      ];
      const args = ['image', source, '-o', join(temp.path, name), ...options];
      const made = (await slipwayJson(args, { env: trusted })) as { disks: readonly { sha256: string }[] };
      return made.disks[0]?.sha256;
    };
    expect(await make(reference, 'disk-registry')).toBe(await make(image, 'disk-layout'));
  });

  async function skopeo(...args: readonly string[]): Promise<string> {
    const [command = '', ...rest] = args;
    const trust = ['--authfile', authFile, '--cert-dir', join(certificates, registry.hostPort)];
    const { stdout } = await run(['skopeo', command, ...trust, ...rest], {
      describe: `skopeo ${command}`,
      env: trusted,
    });
    return stdout.toString();
  }
});

describe('what is there already', () => {
  let registry: TestRegistry;
  let proxy: FaultProxy;
  beforeAll(async () => {
    registry = await startRegistry();
    proxy = await startFaultProxy(registry.hostPort);
  });
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
  });

  /** Method and the last parts of the path of what was sent, blobs by kind. */
  function sent(): readonly string[] {
    return proxy.requests
      .filter(({ method }) => method !== 'GET' && method !== 'HEAD')
      .map(({ method, path, status }) => {
        const what = /\/(?<what>blobs\/uploads|manifests)\//.exec(path)?.groups?.['what'];
        return `${method} ${what} ${status}`;
      })
      .toSorted();
  }

  test('is not sent a second time', async () => {
    const reference = `${proxy.hostPort}/twice:v1`;
    const first = await slipway(['push', image, reference], { env });
    expect(sent().filter((line) => line === 'PUT blobs/uploads 201').length).toBe(3);
    expect(first.stdout.toString()).toBe(`${reference}@${digest}\n`);
    proxy.clear();
    const second = await slipway(['push', image, reference], { env });
    expect(sent()).toEqual(['PUT manifests 201']);
    expect(second.stdout.toString()).toBe(`${reference}@${digest}\n`);
    expect(second.stderr).toMatch(/: 3\.\d MB here already\n$/);
  });

  test('in another repository is mounted from there', async () => {
    await slipway(['push', '-q', image, `${proxy.hostPort}/staging/tiny:v1`], { env });
    proxy.clear();
    const from = `${proxy.hostPort}/staging/tiny:v1`;
    const to = `${proxy.hostPort}/production/tiny:v1`;
    await slipway(['push', '-q', from, to], { env });
    // Each of three blobs with one request that brings no bytes.
    expect(sent()).toEqual([
      'POST blobs/uploads 201',
      'POST blobs/uploads 201',
      'POST blobs/uploads 201',
      'PUT manifests 201',
    ]);
    expect(proxy.blobRequests().map(({ path }) => path)).toEqual([
      `/v2/staging/tiny/blobs/${(await tinyDigests(layout)).config}`,
    ]);
    expect(await factsOf(to)).toEqual({ ...(await factsOf(from)), image: to });
  });

  test('of an image skopeo pushed is what we see, in either of its formats', async () => {
    // Docker's format knows no zstd.
    const source = await writeTinyImage(join(temp.path, 'gzip'), { compression: 'gzip' });
    for (const format of ['oci', 'v2s2']) {
      const reference = `${registry.hostPort}/skopeo/${format}:v1`;
      const flags = ['--quiet', '--dest-tls-verify=false', '--format', format];
      await run(['skopeo', 'copy', ...flags, source, `docker://${reference}`], {
        describe: 'push with skopeo',
      });
      const { stdout } = await run(
        ['skopeo', 'inspect', '--tls-verify=false', '--format', '{{.Digest}}', `docker://${reference}`],
        { describe: 'ask skopeo' },
      );
      expect(await factsOf(reference)).toMatchObject({
        digest: stdout.toString().trim(),
        labels: { 'containers.bootc': '1' },
        created: '2025-01-02T03:04:05Z',
      });
      await slipway(['image', '-q', reference, '-o', join(temp.path, `from-${format}`)], { env });
    }
  });

  test('arrives in pieces when the connection breaks, and the disk is made all the same', async () => {
    const reference = `${proxy.hostPort}/broken:v1`;
    await slipway(['push', '-q', image, reference], { env });
    const { layer } = await tinyDigests(layout);
    proxy.clear();
    proxy.inject({ kind: 'cut', afterBytes: 1_000_000 }, { path: new RegExp(layer), times: 2 });
    const options = ['--cache', join(temp.path, 'cache-broken')];
    const made = await slipway(['image', reference, '-o', join(temp.path, 'broken'), ...options], { env });
    expect(made.stderr).toContain('warning: trying again');
    const [first, ...rest] = proxy.blobRequests(layer);
    expect(first?.range).toBeUndefined();
    expect(rest.map(({ range }) => range)).toEqual([
      expect.stringMatching(/^bytes=\d+-$/),
      expect.stringMatching(/^bytes=\d+-$/),
    ]);
  });
});

async function factsOf(reference: string): Promise<Readonly<Record<string, unknown>>> {
  return (await slipwayJson(['inspect', reference], { env })) as Record<string, unknown>;
}

/** Names of blobs and what is in them. */
function blobsOf(directory: string): ReadonlyMap<string, Buffer> {
  const blobs = join(directory, 'blobs/sha256');
  return new Map(
    readdirSync(blobs)
      .toSorted()
      .map((name) => [name, readFileSync(join(blobs, name))]),
  );
}

/** A directory that, laid over `/etc`, adds certificates of registries. */
async function etcWith(certificates: string): Promise<string> {
  const etc = join(temp.path, 'etc');
  await mkdir(join(etc, 'containers'), { recursive: true });
  await cp(certificates, join(etc, 'containers/certs.d'), { recursive: true });
  return etc;
}

function overEtc(directory: string): string {
  return `mount -t overlay overlay -o ro,lowerdir=${directory}:/etc /etc; exec "$@"`;
}
