import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { collectBytes, makeTempDir, type TempDir } from '@slipway/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { digestOf } from '../digest.ts';
import type { Digest, ImageSource } from '../image.ts';
import { openLayer } from '../layer/open-layer.ts';
import { MEDIA_TYPES } from '../manifest.ts';
import { type LayoutReference, parseReference } from '../reference.ts';
import { readTar } from '../tar/reader.ts';
import { bytesOf, collect, writeSmallImage } from '../testing/small-image.ts';
import { blobPath } from './layout-files.ts';
import { layoutSource } from './source.ts';
import { openLayoutWriter } from './writer.ts';

let temp: TempDir;
let dir: string;

beforeEach(async () => {
  temp = await makeTempDir('layout-test');
  dir = join(temp.path, 'layout');
});
afterEach(async () => {
  await temp[Symbol.asyncDispose]();
});

function source(reference: string): ImageSource {
  return layoutSource(parseReference(`oci:${reference}`) as LayoutReference);
}

/** Names of everything in the image, layer by layer. */
async function names(image: ImageSource): Promise<string[][]> {
  const resolved = await image.resolve('amd64');
  const layers: string[][] = [];
  for (const index of resolved.manifest.layers.keys()) {
    const found: string[] = [];
    for await (const entry of readTar(openLayer(image, resolved, index, { cacheDir: temp.path })))
      found.push(entry.path);
    layers.push(found);
  }
  return layers;
}

const WANTED = [['etc/', 'etc/os-release'], ['bulk']];

describe('a layout written here', () => {
  test.each(['none', 'gzip', 'zstd'] as const)('is read here: %s', async (compression) => {
    const layout = await openLayoutWriter(dir);
    const { digest } = await writeSmallImage(layout, 'v1', { compression });
    const image = source(`${dir}:v1`);
    expect(await image.resolveDigest()).toBe(digest);
    expect(await image.resolve('amd64')).toMatchObject({
      referenceDigest: digest,
      manifestDigest: digest,
      config: { architecture: 'amd64', os: 'linux', created: '2023-11-14T22:13:20Z', labels: { seed: '1' } },
    });
    expect(await names(image)).toEqual(WANTED);
    expect((await readdir(dir)).toSorted()).toEqual(['blobs', 'index.json', 'oci-layout']);
  });

  test('is read by skopeo and umoci, and what they make of it is read here', async () => {
    const layout = await openLayoutWriter(dir);
    const { digest } = await writeSmallImage(layout, 'v1');
    const inspected = execFileSync('skopeo', ['inspect', '--raw', `oci:${dir}:v1`]);
    expect(digestOf(inspected)).toBe(digest);
    const copy = join(temp.path, 'copy');
    execFileSync('skopeo', [
      '--insecure-policy',
      'copy',
      '-q',
      `oci:${dir}:v1`,
      `oci:${copy}:r.example/os:v1`,
    ]);
    expect(await names(source(`${copy}:r.example/os:v1`))).toEqual(WANTED);
    expect(await names(source(copy))).toEqual(WANTED);
    execFileSync('umoci', ['tag', '--image', `${dir}:v1`, 'v2']);
    execFileSync('umoci', ['config', '--image', `${dir}:v2`, '--config.label', 'by=umoci'], {
      stdio: 'ignore',
    });
    expect((await source(`${dir}:v2`).resolve('amd64')).config.labels).toMatchObject({
      by: 'umoci',
      seed: '1',
    });
    expect(await source(`${dir}:v1`).resolveDigest()).toBe(digest);
    execFileSync('umoci', ['unpack', '--rootless', '--image', `${dir}:v1`, join(temp.path, 'bundle')], {
      stdio: 'ignore',
    });
    expect(await readFile(join(temp.path, 'bundle/rootfs/etc/os-release'), 'utf8')).toBe('NAME=Small\n');
  });

  test('keeps other tags, and fields it does not know, when a tag moves', async () => {
    const layout = await openLayoutWriter(dir);
    const first = await writeSmallImage(layout, 'v1', { seed: 1 });
    const index = JSON.parse(await readFile(join(dir, 'index.json'), 'utf8')) as {
      manifests: object[];
      extra?: string;
    };
    index.extra = 'kept';
    index.manifests = index.manifests.map((entry) => ({ ...entry, 'x-other': 1 }));
    await writeFile(join(dir, 'index.json'), JSON.stringify(index));
    const second = await writeSmallImage(layout, 'v2', { seed: 2 });
    await layout.setTag('latest', first);
    await layout.setTag('latest', second);
    expect(await source(`${dir}:v1`).resolveDigest()).toBe(first.digest);
    expect(await source(`${dir}:v2`).resolveDigest()).toBe(second.digest);
    expect(await source(`${dir}:latest`).resolveDigest()).toBe(second.digest);
    const after = JSON.parse(await readFile(join(dir, 'index.json'), 'utf8')) as {
      manifests: object[];
      extra?: string;
    };
    expect(after.extra).toBe('kept');
    expect(after.manifests).toHaveLength(3);
    expect(after.manifests[0]).toHaveProperty('x-other', 1);
  });

  test('tags set at once do not lose each other', async () => {
    const layout = await openLayoutWriter(dir);
    const image = await writeSmallImage(layout, 'v0');
    await Promise.all(['a', 'b', 'c', 'd'].map((tag) => layout.setTag(tag, image)));
    for (const tag of ['v0', 'a', 'b', 'c', 'd'])
      expect(await source(`${dir}:${tag}`).resolveDigest()).toBe(image.digest);
  });

  test('takes no blob that is not what it is called, and leaves nothing of it', async () => {
    const layout = await openLayoutWriter(dir);
    const digest = digestOf(Buffer.from('right'));
    const descriptor = { mediaType: 'x', digest, size: 5 };
    await expect(layout.putBlob(descriptor, () => bytesOf(Buffer.from('wrong')))).rejects.toMatchObject({
      code: 'OCI_DIGEST_MISMATCH',
    });
    expect(await layout.hasBlob(descriptor)).toBe(false);
    expect((await readdir(dir)).toSorted()).toEqual(['blobs', 'index.json', 'oci-layout']);
    await expect(layout.setTag('x', descriptor)).rejects.toMatchObject({ code: 'OCI_NOT_FOUND' });
    await layout.putBlob(descriptor, () => bytesOf(Buffer.from('right')));
    expect(await layout.hasBlob(descriptor)).toBe(true);
  });
});

describe('an index', () => {
  test('leads to the image of the wanted architecture', async () => {
    const layout = await openLayoutWriter(dir);
    const amd64 = await writeSmallImage(layout, 'amd64', { seed: 1 });
    const arm64 = await writeSmallImage(layout, 'arm64', { seed: 2, architecture: 'arm64' });
    const index = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests: [amd64, arm64] }),
    );
    const digest = await layout.putManifest(index, MEDIA_TYPES.index, 'both');
    const image = source(`${dir}:both`);
    expect(await image.resolveDigest()).toBe(digest);
    expect(await image.resolve('arm64')).toMatchObject({
      referenceDigest: digest,
      manifestDigest: arm64.digest,
    });
    expect(await image.resolve('amd64')).toMatchObject({ manifestDigest: amd64.digest });
    await expect(image.resolve('s390x')).rejects.toMatchObject({
      code: 'OCI_PLATFORM_MISSING',
      hint: 'it has images for: linux/amd64, linux/arm64',
    });
    expect(await source(`${dir}@${amd64.digest}`).resolve('amd64')).toMatchObject({
      manifestDigest: amd64.digest,
    });
  });
});

describe('a layout that is not as it should be', () => {
  async function made(): Promise<Digest> {
    const layout = await openLayoutWriter(dir);
    return (await writeSmallImage(layout, 'v1')).digest;
  }

  test('no directory, no layout, no tag, several images', async () => {
    await expect(source(`${dir}:v1`).resolve('amd64')).rejects.toMatchObject({ code: 'OCI_NOT_FOUND' });
    await mkdir(dir);
    await expect(source(`${dir}:v1`).resolveDigest()).rejects.toMatchObject({ code: 'OCI_NOT_FOUND' });
    await made();
    await expect(source(`${dir}:v9`).resolveDigest()).rejects.toMatchObject({
      code: 'OCI_NOT_FOUND',
      hint: 'the layout has these tags: v1',
    });
    await writeSmallImage(await openLayoutWriter(dir), 'v2', { seed: 2 });
    await expect(source(dir).resolveDigest()).rejects.toMatchObject({
      code: 'OCI_LAYOUT_INVALID',
      message: `cannot choose between 2 images at oci:${dir}`,
    });
  });

  test.each([
    ['oci-layout', '{"imageLayoutVersion":"2.0.0"}'],
    ['oci-layout', 'x'],
    ['index.json', '{"schemaVersion":2,"manifests":[{}]}'],
    ['index.json', '[]'],
  ])('%s: %s', async (name, text) => {
    await made();
    await writeFile(join(dir, name), text);
    await expect(source(`${dir}:v1`).resolve('amd64')).rejects.toMatchObject({ code: 'OCI_LAYOUT_INVALID' });
    await expect(openLayoutWriter(dir)).rejects.toMatchObject({ code: 'OCI_LAYOUT_INVALID' });
  });

  test('a changed, shortened, missing blob, and one that is no file', async () => {
    const digest = await made();
    const path = blobPath(dir, digest);
    const bytes = await readFile(path);
    const changed = Buffer.from(bytes);
    changed[20] = 0x20;
    await writeFile(path, changed);
    await expect(source(`${dir}:v1`).resolve('amd64')).rejects.toMatchObject({ code: 'OCI_DIGEST_MISMATCH' });
    await expect(source(`${dir}@${digest}`).resolve('amd64')).rejects.toMatchObject({
      code: 'OCI_DIGEST_MISMATCH',
    });
    await writeFile(path, bytes.subarray(0, -1));
    await expect(source(`${dir}:v1`).resolve('amd64')).rejects.toMatchObject({ code: 'OCI_DIGEST_MISMATCH' });
    await rm(path);
    await expect(source(`${dir}:v1`).resolve('amd64')).rejects.toMatchObject({ code: 'OCI_NOT_FOUND' });
    execFileSync('mkfifo', [path]);
    await expect(source(`${dir}:v1`).resolve('amd64')).rejects.toMatchObject({ code: 'OCI_LAYOUT_INVALID' });
    await rm(path);
    await writeFile(join(temp.path, 'elsewhere'), bytes);
    await symlink(join(temp.path, 'elsewhere'), path);
    expect(await source(`${dir}:v1`).resolve('amd64')).toMatchObject({ manifestDigest: digest });
  });

  test('a layer that is not what the configuration names ends with an error', async () => {
    const layout = await openLayoutWriter(dir);
    await writeSmallImage(layout, 'v1');
    await writeSmallImage(layout, 'v2', { seed: 2 });
    const v1 = await source(`${dir}:v1`).resolve('amd64');
    const v2 = await source(`${dir}:v2`).resolve('amd64');
    const mixed = { ...v1, config: v2.config };
    await expect(collect(openLayer(source(dir), mixed, 1, { cacheDir: temp.path }))).rejects.toMatchObject({
      code: 'OCI_DIGEST_MISMATCH',
      message: expect.stringContaining('the archive in layer 2'),
    });
  });

  test('a layout whose making was cut short is finished by the next writer, and has no image for a reader', async () => {
    const path = dir;
    await mkdir(path);
    await writeFile(join(path, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
    await expect(source(`${path}:v1`).resolve('amd64')).rejects.toMatchObject({
      code: 'OCI_LAYOUT_INVALID',
      message: `cannot use oci:${path}: its index.json is missing`,
    });
    const layout = await openLayoutWriter(path);
    await writeSmallImage(layout, 'v1');
    expect(await source(`${path}:v1`).resolve('amd64')).toMatchObject({ config: { os: 'linux' } });
  });

  test('a blob from the middle', async () => {
    await made();
    const image = source(`${dir}:v1`);
    const { manifest } = await image.resolve('amd64');
    const layer = manifest.layers[1];
    if (layer === undefined) throw new Error('no layer');
    const whole = await collect(image.openBlob(layer));
    const rest = await collect(image.openBlob(layer, 5000));
    expect(rest.equals(whole.subarray(5000))).toBe(true);
    expect(await collectBytes(image.openBlob(layer, layer.size), 0, () => new Error('more'))).toHaveLength(0);
    await rename(blobPath(dir, layer.digest), join(temp.path, 'gone'));
    await expect(collect(image.openBlob(layer))).rejects.toMatchObject({ code: 'OCI_NOT_FOUND' });
  });
});
