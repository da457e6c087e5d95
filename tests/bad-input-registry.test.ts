/** Registries that are not there, do not let us in, do not speak what they should, or do not have what they promise. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { makeTempDir, run, type TempDir } from '@slipway/core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startFaultProxy } from './harness/fault-proxy.ts';
import { expectRefusal, type Refusal } from './harness/refusal.ts';
import { startRegistry, type TestRegistry } from './harness/registry.ts';
import { slipway } from './harness/slipway.ts';
import { tinyDigests, writeTinyImage } from './harness/tiny-image.ts';

let temp: TempDir;
let layout: string;
let good: string;
let out: string;
let env: Readonly<Record<string, string>>;

beforeAll(async () => {
  temp = await makeTempDir('bad-registry');
  layout = join(temp.path, 'layout');
  out = join(temp.path, 'out');
  env = { SLIPWAY_CACHE: join(temp.path, 'cache'), REGISTRY_AUTH_FILE: join(temp.path, 'no-auth.json') };
  good = await writeTinyImage(layout);
});
afterAll(async () => {
  await temp[Symbol.asyncDispose]();
});
beforeEach(() => {
  rmSync(out, { recursive: true, force: true });
  rmSync(join(temp.path, 'cache'), { recursive: true, force: true });
});

async function imageRefused(image: string, refusal: Omit<Refusal, 'args'>): Promise<void> {
  const args = ['image', image, '-o', out];
  await expectRefusal({ ...refusal, args, env: { ...env, ...refusal.env }, empty: out });
}

describe('a registry that cannot be reached', () => {
  test('where nothing listens', async () => {
    const registry = await unusedHostPort();
    const message = new RegExp(`${registry}/tiny: nothing listens there`);
    await imageRefused(`${registry}/tiny:v1`, { exitCode: 5, message, hint: /check the name, the network/ });
    const args = ['push', good, `${registry}/tiny:v1`];
    await expectRefusal({ args, env, exitCode: 5, message: /nothing listens there/, hint: /check the name/ });
  });

  test('whose name nobody knows', async () => {
    const message = /registry\.invalid\/tiny: the name of the host (is not known|cannot be looked up now)/;
    await imageRefused('registry.invalid/tiny:v1', {
      exitCode: 5,
      message,
      hint: /check the name, the network/,
    });
  });

  test('that speaks plain HTTP where TLS was meant', async () => {
    await using registry = await startRegistry();
    // Not called by a name of the loopback, so that only TLS will do.
    const name = registry.hostPort.replace('127.0.0.1', '0.0.0.0');
    const hint = new RegExp(`location = "${name}" and insecure = true`);
    await imageRefused(`${name}/tiny:v1`, { exitCode: 5, message: /it does not speak TLS/, hint });
  });

  test('whose certificate nobody vouches for', async () => {
    await using registry = await startRegistry({ tls: true });
    const message = /its certificate is signed by nobody this machine trusts/;
    const hint = new RegExp(`/etc/containers/certs\\.d/${registry.hostPort}/ca\\.crt`);
    await imageRefused(`${registry.hostPort}/tiny:v1`, { exitCode: 5, message, hint });
  });

  test('that registries.conf forbids', async () => {
    const conf = join(temp.path, 'registries.conf');
    writeFileSync(conf, '[[registry]]\nlocation = "registry.example/forbidden"\nblocked = true\n');
    await imageRefused('registry.example/forbidden/tiny:v1', {
      env: { CONTAINERS_REGISTRIES_CONF: conf },
      exitCode: 3,
      message: /registries\.conf blocks registry\.example\/forbidden/,
      hint: /blocked = true/,
    });
  });
});

describe('a registry that asks for a password', () => {
  let registry: TestRegistry;
  beforeAll(async () => {
    const credentials = { username: 'user', password: 'secret' };
    registry = await startRegistry({ credentials, storage: join(temp.path, 'storage') });
  });
  afterAll(async () => {
    await registry[Symbol.asyncDispose]();
  });

  test('and gets none', async () => {
    const reference = `${registry.hostPort}/tiny:v1`;
    const hint = new RegExp(`log in first: podman login ${registry.hostPort}`);
    await imageRefused(reference, { exitCode: 5, message: /the registry answers 401/, hint });
    const args = ['push', good, reference];
    const message = new RegExp(`cannot push to ${registry.hostPort}/tiny: the registry answers 401`);
    await expectRefusal({ args, env, exitCode: 5, message, hint });
    expect(readdirSync(join(temp.path, 'storage'))).toEqual([]);
  });

  test('and gets another one', async () => {
    const authFile = join(temp.path, 'auth.json');
    const auth = Buffer.from('user:wrong').toString('base64');
    writeFileSync(authFile, JSON.stringify({ auths: { [registry.hostPort]: { auth } } }));
    await imageRefused(`${registry.hostPort}/tiny:v1`, {
      env: { REGISTRY_AUTH_FILE: authFile },
      exitCode: 5,
      message: /the registry answers 401/,
      hint: /the credentials for .* are wrong or do not allow this/,
    });
  });

  test('from a file that is none', async () => {
    const authFile = join(temp.path, 'broken-auth.json');
    writeFileSync(authFile, '{"auths":');
    await imageRefused(`${registry.hostPort}/tiny:v1`, {
      env: { REGISTRY_AUTH_FILE: authFile },
      exitCode: 3,
      message: /broken-auth\.json/,
      hint: /./,
    });
  });
});

describe('a registry without what was asked for, or with something else', () => {
  let registry: TestRegistry;
  let digests: Awaited<ReturnType<typeof tinyDigests>>;
  beforeEach(async () => {
    registry = await startRegistry();
    digests = await tinyDigests(layout);
    await slipway(['push', '-q', good, `${registry.hostPort}/tiny:v1`], { env });
    return async () => {
      await registry[Symbol.asyncDispose]();
    };
  });

  test('no such tag, repository or digest', async () => {
    const nothing = { exitCode: 5, message: /it is not there/, hint: /check the name and the tag/ };
    await imageRefused(`${registry.hostPort}/tiny:v2`, nothing);
    await imageRefused(`${registry.hostPort}/other:v1`, nothing);
    await imageRefused(`${registry.hostPort}/tiny@sha256:${'0'.repeat(64)}`, nothing);
  });

  test('other bytes under the digest asked for', async () => {
    await using proxy = await startFaultProxy(registry.hostPort);
    const message = new RegExp(`cannot use the manifest ${digests.manifest} .*: its bytes have the digest`);
    for (const name of [`tiny@${digests.manifest}`, 'tiny:v1']) {
      proxy.inject({ kind: 'corrupt', atByte: 100 }, { path: /\/manifests\// });
      await imageRefused(`${proxy.hostPort}/${name}`, {
        exitCode: 5,
        message: name.includes('@') ? message : /its bytes have the digest/,
        hint: /damaged or was changed/,
      });
    }
  });

  test.each(['config', 'layer'] as const)('a damaged %s', async (part) => {
    const digest = digests[part];
    await registry.corruptBlob(digest, -30);
    const reference = `${registry.hostPort}/tiny:v1`;
    const message = new RegExp(`cannot use the blob ${digest} .*: its bytes have the digest`);
    await imageRefused(reference, { exitCode: 5, message, hint: /damaged or was changed/ });
    // Asked again, it does not go on from damaged bytes it kept.
    await imageRefused(reference, { exitCode: 5, message, hint: /damaged or was changed/ });
    await registry.corruptBlob(digest, -30);
    await slipway(['image', reference, '-o', out], { env });
  });

  test('a layer cut short, then gone', async () => {
    const reference = `${registry.hostPort}/tiny:v1`;
    await registry.truncateBlob(digests.layer, 1000);
    const short = /it has 1000 bytes, not the \d+ its descriptor promises/;
    await imageRefused(reference, { exitCode: 5, message: short, hint: /push the image again/ });
    await registry.deleteBlob(digests.layer);
    await imageRefused(reference, { exitCode: 5, message: /it is not there/, hint: /check the name/ });
  });

  test('a source damaged on its way to a registry changes nothing there', async () => {
    const damaged = join(temp.path, 'damaged');
    rmSync(damaged, { recursive: true, force: true });
    mkdirSync(damaged);
    await run(['cp', '-r', `${layout}/.`, damaged], { describe: 'copy a layout' });
    writeFileSync(join(damaged, 'blobs', digests.layer.replace(':', '/')), 'damaged');
    const args = ['push', `oci:${damaged}:tiny`, `${registry.hostPort}/another:v1`];
    await expectRefusal({ args, env, exitCode: 5, message: /it has 7 bytes/, hint: /damaged/ });
    const nothing = { exitCode: 5, message: /it is not there/, hint: /check the name/ };
    await imageRefused(`${registry.hostPort}/another:v1`, nothing);
  });
});

/** A port of this machine that was free a moment ago. */
async function unusedHostPort(): Promise<string> {
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<number>();
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    resolve(typeof address === 'object' && address !== null ? address.port : 0);
  });
  const port = await promise;
  await new Promise((closed) => server.close(closed));
  return `127.0.0.1:${port}`;
}
