import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { makeTempDir, run, type TempDir } from '@slipway/core';
import {
  type Descriptor,
  openImage,
  openLayer,
  openLayoutWriter,
  parseReference,
  readTar,
} from '@slipway/oci';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeSmallImage } from '../packages/oci/src/testing/small-image.ts';
import { slipway, slipwayJson } from './harness/slipway.ts';

// Images in archives, directories and the store of podman: what skopeo, podman and buildah write is read, and what is written here
// they read, with the same files in it and, where the place keeps it, under the same digest.

let temp: TempDir;
let image: string;
let layoutImage: Descriptor;

beforeAll(async () => {
  temp = await makeTempDir('transports');
  const layout = join(temp.path, 'layout');
  layoutImage = await writeSmallImage(await openLayoutWriter(layout), 'v1');
  image = `oci:${layout}:v1`;
  await copy(image, `docker-archive:${at('plain.tar')}:localhost/shop:v1`);
});

afterAll(() => temp[Symbol.asyncDispose]());

function at(name: string): string {
  return join(temp.path, name);
}

async function copy(...args: readonly string[]): Promise<void> {
  await slipway(['copy', '-q', ...args]);
}

async function skopeo(...args: readonly string[]): Promise<string> {
  const { stdout } = await run(['skopeo', '--insecure-policy', ...args], { describe: `skopeo ${args[0]}` });
  return stdout.toString('utf8');
}

/** A store of its own, on any file system and without privileges over mounts. */
function podman(...args: readonly string[]): Promise<unknown> {
  const store = ['--root', at('graph'), '--runroot', at('run'), '--storage-driver', 'vfs'];
  return run(['podman', ...store, ...args], { describe: `podman ${args[0]}` });
}

function stored(name: string): string {
  return `containers-storage:[vfs@${at('graph')}+${at('run')}]${name}`;
}

/** The names of all files, and the digest. */
async function contents(reference: string): Promise<{ readonly names: string[]; readonly digest: string }> {
  await using source = openImage(parseReference(reference));
  const resolved = await source.resolve('amd64');
  const names: string[] = [];
  for (const index of resolved.manifest.layers.keys()) {
    for await (const { path } of readTar(openLayer(source, resolved, index, { cacheDir: temp.path })))
      names.push(path.replace(/\/$/, ''));
  }
  return { names, digest: resolved.manifestDigest };
}

const FILES = ['etc', 'etc/os-release', 'bulk'];

describe.each([
  ['oci-archive', ':v1'],
  ['dir', ''],
])('%s', (transport, tag) => {
  test('skopeo writes, slipway reads', async () => {
    const place = `${transport}:${at(`theirs-${transport}`)}${tag}`;
    await skopeo('copy', '--preserve-digests', image, place);
    expect(await contents(place)).toEqual({ names: FILES, digest: layoutImage.digest });
    await copy('--preserve-digests', place, `oci:${at(`back-${transport}`)}:v1`);
    expect((await contents(`oci:${at(`back-${transport}`)}:v1`)).digest).toBe(layoutImage.digest);
  });

  test('slipway writes, skopeo reads', async () => {
    const place = `${transport}:${at(`ours-${transport}`)}${tag}`;
    await copy(image, place);
    expect(JSON.parse(await skopeo('inspect', place))).toMatchObject({ Digest: layoutImage.digest });
    await skopeo('copy', '--preserve-digests', place, `oci:${at(`again-${transport}`)}:v1`);
    expect(await contents(`oci:${at(`again-${transport}`)}:v1`)).toEqual({
      names: FILES,
      digest: layoutImage.digest,
    });
  });

  test('Docker schema 2 is kept as it is', async () => {
    const place = `${transport}:${at(`schema2-${transport}`)}${tag}`;
    const theirs = `dir:${at('schema2')}`;
    await skopeo('copy', '--format', 'v2s2', image, theirs);
    const { digest } = await contents(theirs);
    await copy(theirs, place);
    expect(await contents(place)).toEqual({ names: FILES, digest });
  });
});

describe('docker-archive', () => {
  test('skopeo writes, slipway reads, packed or not', async () => {
    const path = at('theirs.tar');
    await skopeo('copy', image, `docker-archive:${path}:shop:v1`);
    expect(await contents(`docker-archive:${path}:shop:v1`)).toMatchObject({ names: FILES });
    await writeFile(`${path}.gz`, gzipSync(await readFile(path)));
    expect((await contents(`docker-archive:${path}.gz`)).digest).toBe(
      (await contents(`docker-archive:${path}`)).digest,
    );
  });

  test('slipway writes, podman loads and saves, slipway reads', async () => {
    await podman('load', '--quiet', '--input', at('plain.tar'));
    await podman('image', 'exists', 'localhost/shop:v1');
    await podman(
      'save',
      '--quiet',
      '--format',
      'docker-archive',
      '--output',
      at('saved.tar'),
      'localhost/shop:v1',
    );
    expect(await contents(`docker-archive:${at('saved.tar')}:localhost/shop:v1`)).toMatchObject({
      names: FILES,
    });
    await podman(
      'save',
      '--quiet',
      '--format',
      'oci-archive',
      '--output',
      at('saved-oci.tar'),
      'localhost/shop:v1',
    );
    expect(await contents(`oci-archive:${at('saved-oci.tar')}`)).toMatchObject({ names: FILES });
  });
});

describe('containers-storage', () => {
  test('slipway writes, podman has it, slipway reads', async () => {
    await copy(image, stored('localhost/ours:v1'));
    await podman('image', 'exists', 'localhost/ours:v1');
    const { names, digest } = await contents(stored('localhost/ours:v1'));
    expect(names).toEqual(FILES);
    // The same each time, and what is copied from there has it.
    const copied = await slipwayJson(['copy', stored('localhost/ours:v1'), `dir:${at('out')}`]);
    expect(copied).toMatchObject({ target: `dir:${at('out')}`, digest });
    expect((await contents(`dir:${at('out')}`)).digest).toBe(digest);
  });

  test('what buildah made is published', async () => {
    const store = ['--root', at('graph'), '--runroot', at('run'), '--storage-driver', 'vfs'];
    const buildah = async (...args: readonly string[]): Promise<string> =>
      (await run(['buildah', ...store, ...args], { describe: `buildah ${args[0]}` })).stdout
        .toString('utf8')
        .trim();
    const container = await buildah('from', 'scratch');
    await writeFile(at('letter'), 'dear');
    await buildah('copy', '--quiet', container, at('letter'), '/letter');
    await buildah('commit', '--quiet', '--rm', container, 'localhost/letter:v1');
    await copy(stored('localhost/letter:v1'), `oci-archive:${at('letter.tar')}`);
    expect((await contents(`oci-archive:${at('letter.tar')}`)).names).toEqual(['letter']);
  });

  test('says so when there is no such image, or no store may be written', async () => {
    await expect(copy(stored('localhost/nobody:v1'), `dir:${at('nobody')}`)).rejects.toThrow(
      /it has no image of that name/,
    );
    await expect(copy('--preserve-digests', image, stored('localhost/kept:v1'))).rejects.toThrow(
      /containers-storage keeps no digests/,
    );
  });
});

test('an index goes everywhere with all its images', async () => {
  const writer = await openLayoutWriter(at('both'));
  const parts = [
    await writeSmallImage(writer, 'amd64'),
    await writeSmallImage(writer, 'arm64', { architecture: 'arm64', seed: 2 }),
  ];
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests: parts }));
  const digest = await writer.putManifest(bytes, mediaType, 'v1');
  const stops = [`oci-archive:${at('both.tar')}`, `dir:${at('both-dir')}`, `oci:${at('both-again')}:v1`];
  let from = `oci:${at('both')}:v1`;
  for (const to of stops) {
    expect(await slipwayJson(['copy', '--all', from, to])).toMatchObject({ digest });
    expect(JSON.parse(await skopeo('inspect', '--raw', to))).toMatchObject({ manifests: [{}, {}] });
    from = to;
  }
  await copy('--platform', 'linux/arm64', from, `dir:${at('arm')}`);
  expect((await contents(`dir:${at('arm')}`)).digest).toBe(parts[1]?.digest);
});
