import { randomInt } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, run, type TempDir } from '@slipway/core';
import {
  copyImage,
  type Descriptor,
  type Digest,
  digestOf,
  listRepositories,
  openImage,
  openLayer,
  openLayoutWriter,
  openRepository,
  openTarget,
  parseReference,
  type RegistryReference,
  type RegistryTargetOptions,
  readLayoutIndex,
  readTar,
} from '@slipway/oci';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeSmallImage } from '../packages/oci/src/testing/small-image.ts';
import { CONFORMANCE } from '../packages/registry/src/testing/conformance.ts';
import { RawClient } from '../packages/registry/src/testing/raw-client.ts';
import {
  bytesFor,
  digestOf as digestText,
  RegistryUser,
  withDigest,
} from '../packages/registry/src/testing/registry-user.ts';
import { startFaultProxy } from './harness/fault-proxy.ts';
import { makeCertificate, startRegistry } from './harness/registry.ts';
import { addRegistryUser, serveRegistryProcess } from './harness/registry-server.ts';
import { slipway, slipwayJson } from './harness/slipway.ts';

// `slipway registry serve` beside Debian's docker-registry: the same clients, ours and others', do the same to both. Then what
// only a process can show: kills in the middle of uploads, an end in good order, users and certificates from the command line.

const QUICK: RegistryTargetOptions = { retry: { attempts: 4, baseMs: 5, maxMs: 20 }, registries: [] };
const BULK_BYTES = 4_000_000;

/** Cases a docker-registry 2.8 may not pass (releases of it differ), and why: it was written before version 1.1, or takes a liberty the specification leaves. */
const DEBIAN_DIFFERS: ReadonlyMap<string, string> = new Map([
  ['parts of a blob', 'a 416 is cut off'],
  ['a manifest that is not there', 'a malformed digest is its failure, 500'],
  ['a blob by one POST', 'not supported, which is allowed'],
  ['a blob by one POST with the wrong digest', 'not supported, which is allowed'],
  ['chunks out of order', 'Content-Range is not looked at'],
  ['a blob mounted from wherever it is', 'a source must be named, which is allowed'],
  ['chunks out of order, the last with the PUT', 'Content-Range is not looked at'],
  ['a manifest named by SHA-512, with tags at once', 'before version 1.1'],
  ['tags that are none, beside a digest', 'before version 1.1'],
  ['an image whose subject is not there', 'before version 1.1'],
  ['an image whose layers are kept elsewhere', 'addresses of layers must be allowed by its configuration'],
  ['a manifest under the digest of another', 'a malformed digest is its failure, 500'],
  ['a manifest that is none', 'its failure, 500'],
  ['a manifest of four megabytes, and one that is larger', '400 instead of 413'],
  ['a manifest about another says so', 'before version 1.1'],
  ['tags in their order, in pages', 'neither pages nor the order of the specification'],
  ['no tags are asked for', 'no pages'],
  ['a repository without tags', '404'],
  ['nothing is about a manifest', 'before version 1.1'],
  ['what is about a manifest', 'before version 1.1'],
  ['more about a manifest than fits an answer', 'before version 1.1'],
  ['a tag is deleted, its manifest stays', 'tags cannot be deleted, which is allowed'],
  ['methods that make no sense', '404 for one of them'],
]);

/** The same, for many cases at once. */
const DEBIAN_DIFFERS_IN: readonly (readonly [cases: RegExp, why: string])[] = [
  [/^a blob \(\w+\) by one POST/, 'not supported, which is allowed'],
  [/ sent in a wrong order first/, 'Content-Range is not looked at'],
  [/^a blob \(sha512\) .* read in every way/, 'blobs are named by SHA-256, whatever they are pushed as'],
  [/ about .*: pushed, /, 'before version 1.1'],
  [/ named by (?:SHA-512|sha256|sha512)/, 'before version 1.1'],
  [/ kept elsewhere: pushed, /, 'addresses of layers must be allowed by its configuration'],
];

function debianDiffers(name: string): boolean {
  return DEBIAN_DIFFERS.has(name) || DEBIAN_DIFFERS_IN.some(([cases]) => cases.test(name));
}

interface Server {
  readonly url: string;
  readonly hostPort: string;
}

let temp: TempDir;
let layout: string;
let image: Descriptor;
const resources = new AsyncDisposableStack();
const servers: Record<string, Server> = {};

beforeAll(async () => {
  temp = resources.use(await makeTempDir('registry-server'));
  layout = join(temp.path, 'layout');
  image = await writeSmallImage(await openLayoutWriter(layout), 'v1', { bulkBytes: BULK_BYTES });
  servers['slipway'] = resources.use(await serveRegistryProcess(join(temp.path, 'root')));
  const debian = resources.use(await startRegistry());
  servers['docker-registry'] = { url: `http://${debian.hostPort}`, hostPort: debian.hostPort };
});

afterAll(async () => {
  await resources.disposeAsync();
});

function server(name: string): Server {
  const found = servers[name];
  if (found === undefined) throw new Error(`${name} was not started`);
  return found;
}

describe.each(['slipway', 'docker-registry'])('the specification, against %s', (name) => {
  const cases = CONFORMANCE.filter((each) => name === 'slipway' || !debianDiffers(each.name));
  test.each(cases)('$part: $name', async (each) => {
    using client = new RawClient(server(name).url);
    const number = CONFORMANCE.indexOf(each);
    await each.run(new RegistryUser(client, `case${number}/a`), new RegistryUser(client, `case${number}/b`));
  });
});

describe.each(['slipway', 'docker-registry'])('our client and %s', (name) => {
  const place = (repository: string): RegistryReference => {
    const reference = parseReference(`${server(name).hostPort}/${repository}`);
    if (reference.kind !== 'registry') throw new Error('not in a registry');
    return reference;
  };

  test.each([undefined, 300_000])('push in chunks of %s bytes, pull, mount', async (chunkBytes) => {
    const repository = `client/${chunkBytes ?? 'whole'}`;
    await push(server(name).hostPort, `${repository}:v1`, chunkBytes === undefined ? {} : { chunkBytes });
    await pull(server(name).hostPort, `${repository}:v1`);
    await push(server(name).hostPort, `${repository}-mounted:v1`, { mountFrom: repository });
    await pull(server(name).hostPort, `${repository}-mounted@${image.digest}`);
  });

  test('through a network that fails', async () => {
    await using proxy = await startFaultProxy(server(name).hostPort);
    await push(proxy.hostPort, 'faults:v1');
    proxy.inject({ kind: 'status', status: 503 }, { path: /./, times: 2 });
    const bulk = new RegExp(await layerDigest());
    for (const afterBytes of [0, 1_000_000, 1_500_000])
      proxy.inject({ kind: 'cut', afterBytes }, { path: bulk });
    await pull(proxy.hostPort, 'faults:v1');
    // What broke off is gone on with where it did.
    expect(proxy.blobRequests(await layerDigest()).map(({ range }) => range)).toEqual([
      undefined,
      undefined,
      expect.stringMatching(/^bytes=[1-9][0-9]*-$/),
      expect.stringMatching(/^bytes=[1-9][0-9]*-$/),
    ]);
    proxy.inject({ kind: 'corrupt', atByte: 2_000_000 }, { path: bulk, times: 9 });
    await expect(pull(proxy.hostPort, 'faults:v1')).rejects.toMatchObject({ code: 'OCI_DIGEST_MISMATCH' });
  });

  test('tags, repositories, referrers, deletion', async () => {
    for (const tag of ['v1', 'v2', 'old']) await push(server(name).hostPort, `lists/os:${tag}`);
    await using repository = await openRepository(place('lists/os'), QUICK);
    expect((await all(repository.tags())).toSorted()).toEqual(['old', 'v1', 'v2']);
    expect(await all(listRepositories(server(name).hostPort, QUICK))).toContain('lists/os');

    const { digest } = image;
    expect(await repository.referrers(digest)).toEqual([]);
    const attached = [
      await attach(place('lists/os'), 'example/a'),
      await attach(place('lists/os'), 'example/b'),
    ];
    const found = await repository.referrers(digest);
    expect(new Set(found.map((referrer) => referrer.digest))).toEqual(new Set(attached));
    expect(await repository.referrers(digest, { artifactType: 'example/b' })).toMatchObject([
      { digest: attached[1] },
    ]);

    await repository.deleteManifest(attached[0] ?? '');
    if (name === 'slipway') {
      expect(await repository.referrers(digest)).toMatchObject([{ digest: attached[1] }]);
      await repository.deleteManifest('old');
      expect(await all(repository.tags())).toEqual(['v1', 'v2']);
    }
    await repository.deleteManifest(digest);
    await using gone = openImage(place('lists/os:v1'), QUICK);
    await expect(gone.resolve('amd64')).rejects.toMatchObject({ code: 'OCI_NOT_FOUND' });
    await repository.deleteBlob(await layerDigest());
    await expect(repository.deleteBlob(await layerDigest())).rejects.toMatchObject({ code: 'OCI_NOT_FOUND' });
  });
});

// skopeo, podman, buildah and docker-registry here, oras in registry-oras.test.ts; over TLS skopeo and ours below.
describe('clients of others', () => {
  test('skopeo: in, out, as Docker has it, between repositories, from the layout, deleted', async () => {
    const { hostPort } = server('slipway');
    const out = join(temp.path, 'skopeo');
    await skopeo('copy', '--dest-tls-verify=false', `oci:${layout}:v1`, `docker://${hostPort}/skopeo/os:v1`);
    await skopeo('copy', '--src-tls-verify=false', `docker://${hostPort}/skopeo/os:v1`, `oci:${out}:v1`);
    const both = ['--src-tls-verify=false', '--dest-tls-verify=false'];
    await skopeo(
      'copy',
      ...both,
      '-f',
      'v2s2',
      `docker://${hostPort}/skopeo/os:v1`,
      `docker://${hostPort}/skopeo/docker:v1`,
    );
    await skopeo(
      'copy',
      '--src-tls-verify=false',
      `docker://${hostPort}/skopeo/docker:v1`,
      `oci:${out}:docker`,
    );
    await skopeo('copy', `oci:${join(temp.path, 'root')}:skopeo/os:v1`, `oci:${out}:layout`);
    const index = await readLayoutIndex(out);
    expect(index?.entries.map(({ digest }) => digest)).toEqual(expect.arrayContaining([image.digest]));
    await skopeo('delete', '--tls-verify=false', `docker://${hostPort}/skopeo/docker:v1`);
    const tags = await run(['skopeo', 'list-tags', '--tls-verify=false', `docker://${hostPort}/skopeo/os`], {
      describe: 'list tags',
    });
    expect(JSON.parse(tags.stdout.toString())).toMatchObject({ Tags: ['v1'] });
  });

  test('podman: logs in, pushes, pulls, with its short name for it', async () => {
    const users = join(temp.path, 'podman-users');
    await addRegistryUser(users, 'ci', 'push it');
    await using registry = await serveRegistryProcess(join(temp.path, 'podman-root'), ['--users', users]);
    const store = ['--root', join(temp.path, 'podman'), '--runroot', join(temp.path, 'podman-run')];
    const env = {
      REGISTRY_AUTH_FILE: join(temp.path, 'podman-auth.json'),
      CONTAINERS_REGISTRIES_CONF: join(temp.path, 'podman-registries.conf'),
    };
    await writeFile(
      env.CONTAINERS_REGISTRIES_CONF,
      `[aliases]\nshop = "${registry.hostPort}/team/shop"\n[[registry]]\nlocation = "${registry.hostPort}"\ninsecure = true\n`,
    );
    const podman = async (verb: string, ...rest: readonly string[]): Promise<string> => {
      const argv = ['podman', ...store, '--storage-driver', 'vfs', verb, ...rest] as const;
      const input = verb === 'login' ? 'push it\n' : '';
      return (await run(argv, { describe: `podman ${verb}`, env, input })).stdout.toString().trim();
    };
    await podman('login', '--username', 'ci', '--password-stdin', registry.hostPort);
    const archive = join(temp.path, 'podman.tar');
    await slipway(['copy', '-q', `oci:${layout}:v1`, `docker-archive:${archive}:localhost/made:v1`]);
    await podman('load', '--quiet', '--input', archive);
    await podman('push', '--quiet', 'localhost/made:v1', `${registry.hostPort}/team/shop:v1`);
    await podman('pull', '--quiet', 'shop:v1');
    // What podman logged in with, and calls shop, slipway finds the same way.
    const copied = await slipwayJson(['copy', 'shop:v1', `oci:${join(temp.path, 'from-podman')}:v1`], {
      env,
    });
    expect(copied).toMatchObject({ source: `${registry.hostPort}/team/shop:v1` });
    expect(
      await podman('search', '--list-tags', '--format', '{{.Tag}}', `${registry.hostPort}/team/shop`),
    ).toMatch(/\bv1$/);
  });

  test('buildah: pull, push', async () => {
    const { hostPort } = server('slipway');
    await push(hostPort, 'buildah/os:v1');
    const storage = [
      '--root',
      join(temp.path, 'storage'),
      '--runroot',
      join(temp.path, 'run'),
      '--storage-driver',
      'vfs',
    ];
    const buildah = async (verb: string, ...rest: readonly string[]): Promise<void> => {
      await run(['buildah', ...storage, verb, '--tls-verify=false', '-q', ...rest], {
        describe: `buildah ${verb}`,
      });
    };
    await buildah('pull', `${hostPort}/buildah/os:v1`);
    await buildah('push', `${hostPort}/buildah/os:v1`, `docker://${hostPort}/buildah/again:v1`);
    await using again = openImage(parseReference(`${hostPort}/buildah/again:v1`), QUICK);
    expect((await again.resolve('amd64')).config.labels).toMatchObject({ seed: '1' });
  });

  test('docker-registry: pulls through, for clients of its own', async () => {
    const upstream = server('slipway');
    await push(upstream.hostPort, 'upstream/os:v1');
    await using mirror = await startRegistry({ mirrorOf: upstream.url });
    await pull(mirror.hostPort, 'upstream/os:v1');
    await pull(mirror.hostPort, `upstream/os@${image.digest}`);
    await using nothing = openImage(parseReference(`${mirror.hostPort}/upstream/os:v2`), QUICK);
    await expect(nothing.resolve('amd64')).rejects.toMatchObject({ code: 'OCI_NOT_FOUND' });
  });

  test('skopeo logs in: everybody pulls, users push, hosts do not', async () => {
    const users = join(temp.path, 'users');
    await addRegistryUser(users, 'ci', 'push it');
    await addRegistryUser(users, 'hosts', 'pull it', '--pull-only');
    const options = ['--users', users, '--anonymous-pull'];
    await using registry = await serveRegistryProcess(join(temp.path, 'users-root'), options);
    const target = `docker://${registry.hostPort}/os:v1`;
    const copy = ['copy', '--dest-tls-verify=false', `oci:${layout}:v1`, target] as const;
    await expect(skopeo(...copy)).rejects.toThrow(/authentication required|unauthorized|log in/i);
    await expect(skopeo(...copy, '--dest-creds', 'hosts:pull it')).rejects.toThrow(/may only pull|denied/i);
    await skopeo(...copy, '--dest-creds', 'ci:push it');
    await skopeo('copy', '--src-tls-verify=false', target, `oci:${join(temp.path, 'anonymous')}:v1`);
    await pull(registry.hostPort, 'os:v1');
    const credentials = {
      find: () => Promise.resolve({ kind: 'password', username: 'ci', password: 'push it' } as const),
    };
    await push(registry.hostPort, 'os:v2', { credentials });
  });
});

describe('a process', () => {
  test('killed while twenty uploads come in: the layout is whole each time, and the next push completes', async () => {
    const root = join(temp.path, 'killed');
    const seen = { blobs: 0, tags: 0 };
    for (let round = 0; round < 8; round += 1) {
      const registry = await serveRegistryProcess(root);
      await using _registry = registry;
      const pushing = Array.from({ length: 20 }, (_, lane) =>
        pushSome(registry.url, `lane${lane}`, `${lane} ${round}`),
      );
      const ends = Promise.allSettled(pushing);
      await new Promise((resolve) => setTimeout(resolve, randomInt(10, 400)));
      await registry.kill();
      await ends;
      const whole = await checkLayout(root);
      seen.blobs += whole.blobs;
      seen.tags += whole.tags;
    }
    expect(seen.blobs).toBeGreaterThan(0);
    await using registry = await serveRegistryProcess(root);
    await Promise.all(
      Array.from({ length: 20 }, (_, lane) => pushSome(registry.url, `lane${lane}`, `${lane} end`)),
    );
    expect(await checkLayout(root)).toMatchObject({ tags: 20 });
    expect(await registry.stop()).toBe(0);
    const report = await slipwayJson([
      'registry',
      'gc',
      '--root',
      root,
      '--older-than',
      '0',
      '--delete-untagged',
    ]);
    expect(report).toMatchObject({ keptBlobs: 20 * 3 });
    expect(await readdir(join(root, '.slipway-registry', 'uploads'))).toEqual([]);
    expect(await readdir(join(root, '.slipway-registry', 'temporary'))).toEqual([]);
    expect(await checkLayout(root)).toEqual({ tags: 20, blobs: 60 });
  });

  test('ends in good order when it is told to', async () => {
    await using registry = await serveRegistryProcess(join(temp.path, 'stopped'));
    await push(registry.hostPort, 'os:v1');
    expect(await registry.stop()).toBe(0);
    expect(registry.log()).toContain('stopping');
  });

  test('serves TLS, read-only, and tells what it cannot do', async () => {
    const root = join(temp.path, 'tls-root');
    await slipway(['push', `oci:${layout}:v1`, `oci:${root}:os:v1`]);
    const { certificate, key } = await makeCertificate(temp.path);
    await using registry = await serveRegistryProcess(root, [
      '--read-only',
      '--tls-cert',
      certificate,
      '--tls-key',
      key,
    ]);
    const trust = join(temp.path, 'certs.d', registry.hostPort);
    await mkdir(trust, { recursive: true });
    await writeFile(join(trust, 'ca.crt'), await readFile(certificate));
    await pull(registry.hostPort, 'os:v1', { certificateDirectories: [join(temp.path, 'certs.d')] });
    await skopeo(
      'copy',
      '--src-cert-dir',
      trust,
      `docker://${registry.hostPort}/os:v1`,
      `oci:${join(temp.path, 'tls-out')}:v1`,
    );
    await expect(
      push(registry.hostPort, 'other:v1', { certificateDirectories: [join(temp.path, 'certs.d')] }),
    ).rejects.toMatchObject({ code: 'OCI_REGISTRY_FAILED', details: { status: 405 } });

    for (const [args, exitCode] of [
      [['--root', root, '--tls-cert', certificate], 2],
      [['--root', root, '--anonymous-pull'], 2],
      [['--root', root, '--public-url', 'registry.example'], 2],
      [['--root', root, '--listen', '5000'], 2],
      [['--root', root, '--listen', registry.hostPort], 4],
      [['--root', root, '--users', certificate], 3],
      [['--root', root, '--tls-cert', certificate, '--tls-key', certificate], 3],
      [['--root', temp.path, '--read-only'], 3],
    ] as const) {
      const { stderr } = await slipway(['registry', 'serve', ...args], { allowExitCodes: [exitCode] });
      expect(stderr).toMatch(/^error: cannot /m);
    }
  });

  test('tags, referrers and garbage from the command line', async () => {
    const { hostPort } = server('slipway');
    await push(hostPort, 'words/os:v1');
    const reference = parseReference(`${hostPort}/words/os:v1`);
    if (reference.kind !== 'registry') throw new Error('not in a registry');
    const digest = await attach(reference, 'example/sbom');
    expect((await slipway(['tags', `${hostPort}/words/os`])).stdout.toString()).toBe('v1\n');
    expect(await slipwayJson(['referrers', `${hostPort}/words/os:v1`])).toMatchObject({
      digest: image.digest,
      referrers: [{ digest, type: 'example/sbom', annotations: { by: 'a test' } }],
    });
    const words = (await slipway(['referrers', '--type', 'example/none', `${hostPort}/words/os:v1`])).stdout;
    expect(words.toString()).toBe('');
    const { stdout } = await slipway(['registry', 'gc', '--root', join(temp.path, 'root'), '--dry-run']);
    expect(stdout.toString()).toMatch(/^would remove 0 blobs \(0 B\), 0 manifests, 0 leftovers\nwould keep /);
  });
});

async function push(hostPort: string, name: string, options: RegistryTargetOptions = {}): Promise<void> {
  const reference = parseReference(`${hostPort}/${name}`);
  await using from = openImage(parseReference(`oci:${layout}:v1`));
  await using to = await openTarget(reference, { ...QUICK, ...options });
  expect(await copyImage(from, await from.resolve('amd64'), to, { tag: reference.tag })).toBe(image.digest);
}

async function pull(hostPort: string, name: string, options: RegistryTargetOptions = {}): Promise<void> {
  await using from = openImage(parseReference(`${hostPort}/${name}`), { ...QUICK, ...options });
  const resolved = await from.resolve('amd64');
  expect(resolved.manifestDigest).toBe(image.digest);
  await using cache = await makeTempDir('pull');
  let bulkBytes = 0;
  for (const index of resolved.manifest.layers.keys()) {
    for await (const entry of readTar(openLayer(from, resolved, index, { cacheDir: cache.path }))) {
      if (entry.path === 'bulk') bulkBytes = entry.sizeBytes;
    }
  }
  expect(bulkBytes).toBe(BULK_BYTES);
}

/** Pushes a small artefact about the image. */
async function attach(reference: RegistryReference, artifactType: string): Promise<string> {
  await using target = await openTarget(reference, QUICK);
  const empty = Buffer.from('{}');
  const config = { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf(empty), size: 2 };
  await target.putBlob(config, async function* () {
    yield empty;
  });
  const { mediaType, digest, size } = image;
  const manifest = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    artifactType,
    config,
    layers: [config],
    subject: { mediaType, digest, size },
    annotations: { by: 'a test' },
  };
  return await target.putManifest(Buffer.from(JSON.stringify(manifest)), manifest.mediaType, undefined);
}

async function layerDigest(): Promise<Digest> {
  await using from = openImage(parseReference(`oci:${layout}:v1`));
  const { manifest } = await from.resolve('amd64');
  const digest = manifest.layers[1]?.digest;
  if (digest === undefined) throw new Error('no layer');
  return digest;
}

/** One image, by three ways to upload its blobs. */
async function pushSome(url: string, repository: string, seed: string): Promise<void> {
  using client = new RawClient(url);
  const user = new RegistryUser(client, repository);
  const bytes = bytesFor(seed, 200_000);
  const start = bytes.subarray(0, 90_000);
  const place = user.place(
    await user.expect(202, { method: 'PATCH', path: await user.begin(), body: [start] }),
  );
  await user.expect(201, {
    method: 'PUT',
    path: withDigest(place, digestText(bytes)),
    body: bytes.subarray(90_000),
  });
  const manifest = await user.image(seed);
  await user.pushManifest(manifest, 'v1');
}

/** Every blob is what it is called, and every tag leads to an image that is there in full. */
async function checkLayout(root: string): Promise<{ readonly tags: number; readonly blobs: number }> {
  const index = await readLayoutIndex(root);
  const directory = join(root, 'blobs', 'sha256');
  const names = await readdir(directory);
  for (const name of names) expect(digestText(await readFile(join(directory, name)))).toBe(`sha256:${name}`);
  const there = new Set(names.map((name) => `sha256:${name}`));
  for (const { digest } of index?.entries ?? []) {
    expect(there).toContain(digest);
    const manifest = JSON.parse(await readFile(join(directory, String(digest).slice(7)), 'utf8')) as {
      config: { digest: string };
      layers: { digest: string }[];
    };
    for (const part of [manifest.config, ...manifest.layers]) expect(there).toContain(part.digest);
  }
  return { tags: index?.entries.length ?? 0, blobs: names.length };
}

async function skopeo(verb: string, ...args: readonly string[]): Promise<void> {
  await run(['skopeo', '--insecure-policy', verb, ...args], { describe: `skopeo ${verb}` });
}

async function all<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}
