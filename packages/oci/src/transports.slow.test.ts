/** Archives and directories as sources and targets, read and written by this package; other tools judge them in tests/transports.test.ts. */
import { open, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { makeTempDir, type TempDir } from '@slipway/core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { copyAll, copyImage } from './copy-image.ts';
import { digestHex } from './digest.ts';
import type { Descriptor, Digest } from './image.ts';
import { openLayer } from './layer/open-layer.ts';
import { openLayoutWriter } from './layout/writer.ts';
import { MEDIA_TYPES } from './manifest.ts';
import { openImage, openTarget } from './open-image.ts';
import { parseReference } from './reference.ts';
import { readTar } from './tar/reader.ts';
import { writeTar } from './tar/writer.ts';
import { bytesOf, collect, member, writeSmallImage } from './testing/small-image.ts';

let temp: TempDir;
let layout: string;
let image: Descriptor;
let index: Digest;
let count = 0;
let place: string;

beforeAll(async () => {
  temp = await makeTempDir('transports');
  layout = join(temp.path, 'layout');
  const writer = await openLayoutWriter(layout);
  image = await writeSmallImage(writer, 'v1');
  const other = await writeSmallImage(writer, 'v1-arm', { architecture: 'arm64', seed: 2 });
  const document = { schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests: [image, other] };
  index = await writer.putManifest(Buffer.from(JSON.stringify(document)), MEDIA_TYPES.index, 'both');
});

beforeEach(() => {
  count += 1;
  place = join(temp.path, `place-${count}`);
});

afterAll(() => temp[Symbol.asyncDispose]());

async function copy(from: string, to: string): Promise<Digest> {
  await using source = openImage(parseReference(from));
  const target = parseReference(to);
  await using writer = await openTarget(target);
  return await copyImage(source, await source.resolve('amd64'), writer, { tag: target.tag });
}

async function copyIndex(from: string, to: string): Promise<Digest> {
  await using source = openImage(parseReference(from));
  const target = parseReference(to);
  await using writer = await openTarget(target);
  return await copyAll(source, writer, { tag: target.tag });
}

/** Reads every layer to its end; answers with the digest of the manifest. */
async function read(from: string, architecture = 'amd64'): Promise<Digest> {
  await using source = openImage(parseReference(from));
  const resolved = await source.resolve(architecture);
  const names: string[] = [];
  for (const layer of resolved.manifest.layers.keys()) {
    for await (const entry of readTar(openLayer(source, resolved, layer, { cacheDir: temp.path })))
      names.push(entry.path);
  }
  expect(names).toEqual(['etc/', 'etc/os-release', 'bulk']);
  expect(await source.resolveDigest()).toBe(resolved.referenceDigest);
  return resolved.manifestDigest;
}

describe.each(['oci', 'oci-archive', 'dir'])('%s', (transport) => {
  const tag = transport === 'dir' ? '' : ':v1';

  test('keeps an image as it is', async () => {
    expect(await copy(`oci:${layout}:v1`, `${transport}:${place}${tag}`)).toBe(image.digest);
    expect(await read(`${transport}:${place}${tag}`)).toBe(image.digest);
    expect(await read(`${transport}:${place}`)).toBe(image.digest);
    expect(await read(`${transport}:${place}@${image.digest}`)).toBe(image.digest);
  });

  test('keeps an index with all its images', async () => {
    expect(await copyIndex(`oci:${layout}:both`, `${transport}:${place}${tag}`)).toBe(index);
    for (const architecture of ['amd64', 'arm64']) await read(`${transport}:${place}${tag}`, architecture);
    await using source = openImage(parseReference(`${transport}:${place}${tag}`));
    expect((await source.readDocument()).digest).toBe(index);
    expect((await source.readDocument(image.digest)).mediaType).toBe(MEDIA_TYPES.manifest);
  });

  test('may be written again', async () => {
    await copy(`oci:${layout}:v1-arm`, `${transport}:${place}${tag}`);
    expect(await copy(`oci:${layout}:v1`, `${transport}:${place}${tag}`)).toBe(image.digest);
    expect(await read(`${transport}:${place}${tag}`)).toBe(image.digest);
  });

  test('says what is missing', async () => {
    const nowhere = parseReference(`${transport}:${join(temp.path, 'nowhere')}`);
    await using source = openImage(nowhere);
    await expect(source.resolve('amd64')).rejects.toMatchObject({ code: 'OCI_NOT_FOUND' });
    await copy(`oci:${layout}:v1`, `${transport}:${place}${tag}`);
    await using other = openImage(parseReference(`${transport}:${place}@sha256:${'0'.repeat(64)}`));
    await expect(other.resolve('amd64')).rejects.toMatchObject({ code: 'OCI_NOT_FOUND' });
  });
});

describe('an archive', () => {
  test.each(['oci-archive', 'docker-archive'])('%s may be packed', async (transport) => {
    await copy(`oci:${layout}:v1`, `${transport}:${place}`);
    const digest = await read(`${transport}:${place}`);
    await writeFile(place, gzipSync(await readFile(place)));
    expect(await read(`${transport}:${place}`)).toBe(digest);
  });

  test.each(['oci-archive', 'docker-archive'])(
    '%s: the old one stays until the new one is whole',
    async (kind) => {
      await copy(`oci:${layout}:v1`, `${kind}:${place}`);
      const before = await readFile(place);
      const writer = await openTarget(parseReference(`${kind}:${place}`));
      const bad = { ...image, mediaType: MEDIA_TYPES.config };
      await expect(writer.putBlob(bad, () => bytesOf(Buffer.from('other')))).rejects.toMatchObject({
        code: 'OCI_DIGEST_MISMATCH',
      });
      await writer[Symbol.asyncDispose]();
      expect((await readFile(place)).equals(before)).toBe(true);
      expect((await readdir(temp.path)).filter((name) => name.startsWith('.slipway-put-'))).toEqual([]);
    },
  );

  test('what broke off leaves no trace in it', async () => {
    await using source = openImage(parseReference(`oci:${layout}:v1`));
    const resolved = await source.resolve('amd64');
    {
      await using writer = await openTarget(parseReference(`oci-archive:${place}`));
      const [layer] = resolved.manifest.layers;
      if (layer === undefined) throw new Error('no layer');
      await expect(writer.putBlob(layer, () => bytesOf(Buffer.alloc(layer.size)))).rejects.toThrow(/digest/);
      await copyImage(source, resolved, writer);
    }
    expect(await read(`oci-archive:${place}`)).toBe(image.digest);
  });

  test('cut short is refused wherever it ends', async () => {
    await copy(`oci:${layout}:v1`, `oci-archive:${place}`);
    for (const sizeBytes of [100, 700, 50_000]) {
      await truncate(place, sizeBytes);
      await expect(read(`oci-archive:${place}`)).rejects.toMatchObject({ code: 'OCI_TAR_INVALID' });
    }
    await truncate(place, 0);
    await expect(read(`oci-archive:${place}`)).rejects.toMatchObject({ code: 'OCI_LAYOUT_INVALID' });
    await expect(read(`oci-archive:${temp.path}`)).rejects.toMatchObject({ code: 'OCI_LAYOUT_INVALID' });
  });

  test('a byte that is another is noticed', async () => {
    for (const kind of ['oci-archive', 'docker-archive']) {
      await copy(`oci:${layout}:v1`, `${kind}:${place}`);
      await using handle = await open(place, 'r+');
      // In the middle of the incompressible layer.
      await handle.write(Buffer.from('changed'), 0, 7, 60_000);
      await expect(read(`${kind}:${place}`)).rejects.toMatchObject({ code: 'OCI_DIGEST_MISMATCH' });
    }
  });
});

describe('a Docker archive', () => {
  test('has the layers unpacked, and the same digest each time', async () => {
    await copy(`oci:${layout}:v1`, `docker-archive:${place}:shop:v1`);
    const digest = await read(`docker-archive:${place}`);
    expect(digest).not.toBe(image.digest);
    for (const name of ['shop:v1', 'localhost/shop:v1']) {
      expect(await read(`docker-archive:${place}:${name}`)).toBe(digest);
    }
    await expect(read(`docker-archive:${place}:shop`)).rejects.toMatchObject({ code: 'OCI_NOT_FOUND' });
    expect(await copy(`docker-archive:${place}`, `oci:${place}-layout:v1`)).toBe(digest);
  });

  test('of many images needs a name; links and packed layers of older ones are followed', async () => {
    await using source = openImage(parseReference(`oci:${layout}:v1`));
    const { configBytes, manifest } = await source.resolve('amd64');
    const [first, second] = await Promise.all(
      manifest.layers.map((layer) => collect(source.openBlob(layer))),
    );
    const layers = ['one/layer.tar', 'two/layer.tar'];
    const entries = [
      { Config: 'config.json', RepoTags: ['a:v1'], Layers: layers },
      { Config: 'config.json', RepoTags: ['b:v1', 'c:v1'], Layers: layers },
    ];
    const archive = writeTar([
      member({ path: './manifest.json' }, Buffer.from(JSON.stringify(entries))),
      member({ path: 'config.json' }, configBytes),
      member({ path: `blobs/${digestHex(image.digest)}` }, first),
      member({ kind: 'symlink', path: 'one/layer.tar', linkTarget: `../blobs/${digestHex(image.digest)}` }),
      member({ path: 'two/layer.tar' }, second),
    ]);
    await writeFile(place, await collect(archive));
    const digest = await read(`docker-archive:${place}:b:v1`);
    expect(await read(`docker-archive:${place}:c:v1`)).toBe(digest);
    await expect(read(`docker-archive:${place}`)).rejects.toMatchObject({ code: 'OCI_LAYOUT_INVALID' });
  });

  test.each([
    ['no manifest.json', []],
    ['no JSON', [member({ path: 'manifest.json' }, Buffer.from('{'))]],
    ['not a list', [member({ path: 'manifest.json' }, Buffer.from('{}'))]],
    [
      'no configuration',
      [member({ path: 'manifest.json' }, Buffer.from('[{"Config":"c.json","Layers":[]}]'))],
    ],
    [
      'a link to itself',
      [
        member({ path: 'manifest.json' }, Buffer.from('[{"Config":"c.json","Layers":[]}]')),
        member({ kind: 'symlink', path: 'c.json', linkTarget: 'c.json' }),
      ],
    ],
  ])('with %s is refused', async (_what, members) => {
    await writeFile(place, await collect(writeTar(members)));
    await expect(read(`docker-archive:${place}`)).rejects.toMatchObject({ code: 'OCI_LAYOUT_INVALID' });
  });

  test('takes no index', async () => {
    await expect(copyIndex(`oci:${layout}:both`, `docker-archive:${place}`)).rejects.toMatchObject({
      code: 'OCI_MANIFEST_INVALID',
    });
  });
});

describe('a directory', () => {
  test('keeps only what its image needs', async () => {
    await copy(`oci:${layout}:v1`, `dir:${place}`);
    const before = await readdir(place);
    await using source = openImage(parseReference(`oci:${layout}:v1-arm`));
    await using writer = await openTarget(parseReference(`dir:${place}`));
    await copyImage(source, await source.resolve('arm64'), writer);
    const after = await readdir(place);
    expect(after).toHaveLength(before.length);
    expect(after).not.toEqual(before);
  });

  test('that holds something else is left alone', async () => {
    await using other = await makeTempDir('other');
    await writeFile(join(other.path, 'letter'), 'dear');
    await expect(openTarget(parseReference(`dir:${other.path}`))).rejects.toMatchObject({
      code: 'OCI_LAYOUT_INVALID',
    });
    expect(await readdir(other.path)).toEqual(['letter']);
  });

  test('a blob that is gone, and one that is changed', async () => {
    await copy(`oci:${layout}:v1`, `dir:${place}`);
    await using source = openImage(parseReference(`dir:${place}`));
    const { manifest } = await source.resolve('amd64');
    const [layer] = manifest.layers;
    if (layer === undefined) throw new Error('no layer');
    const path = join(place, digestHex(layer.digest));
    await writeFile(path, Buffer.alloc(layer.size));
    await expect(read(`dir:${place}`)).rejects.toMatchObject({ code: 'OCI_DIGEST_MISMATCH' });
    await rm(path);
    await expect(read(`dir:${place}`)).rejects.toMatchObject({ code: 'OCI_NOT_FOUND' });
  });
});
