/** Artefacts as `oras push` writes them, in a layout. */
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { collectBytes, isSlipwayError, makeTempDir } from '@slipway/core';
import { expect, test } from 'vitest';
import { readLayerIds, resolveFiles } from './artefact.ts';
import { digestOf } from './digest.ts';
import type { Descriptor, WholeImageSource } from './image.ts';
import { openLayer } from './layer/open-layer.ts';
import { layoutSource } from './layout/source.ts';
import { type LayoutWriter, openLayoutWriter } from './layout/writer.ts';
import { MEDIA_TYPES } from './manifest.ts';
import { parseReference } from './reference.ts';
import { readTar } from './tar/reader.ts';
import { writeTar } from './tar/writer.ts';
import { member, writeSmallImage } from './testing/small-image.ts';

function sourceOf(directory: string, tag: string): WholeImageSource {
  const reference = parseReference(`oci:${directory}:${tag}`);
  if (reference.kind !== 'oci') throw new Error('it is a layout');
  return layoutSource(reference);
}

async function writeArtefact(
  directory: string,
  tag: string,
  layers: readonly Uint8Array[],
  annotations: Readonly<Record<string, string>>,
): Promise<void> {
  await using layout = await openLayoutWriter(directory);
  const config = await putBlob(layout, 'application/vnd.oci.empty.v1+json', Buffer.from('{}'));
  const descriptors: Descriptor[] = [];
  for (const bytes of layers) descriptors.push(await putBlob(layout, 'application/vnd.example.files', bytes));
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    artifactType: 'application/vnd.example.extension',
    config,
    layers: descriptors,
    annotations,
  };
  await layout.putManifest(Buffer.from(JSON.stringify(manifest)), MEDIA_TYPES.manifest, tag);
}

async function putBlob(layout: LayoutWriter, mediaType: string, bytes: Uint8Array): Promise<Descriptor> {
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
  await layout.putBlob(descriptor, async function* () {
    yield bytes;
  });
  return descriptor;
}

async function archive(): Promise<Buffer> {
  const files = writeTar([member({ path: 'etc/site' }, Buffer.from('site'))]);
  return await collectBytes(files, 1_000_000, () => new Error('too long'));
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const thrown: unknown = await promise.catch((error: unknown) => error);
  return isSlipwayError(thrown) ? `${thrown.code} ${thrown.message}` : 'none';
}

test.each([
  ['plain', (bytes: Buffer) => bytes],
  ['gzip', (bytes: Buffer) => gzipSync(bytes)],
  ['zstd', (bytes: Buffer) => zstdCompressSync(bytes)],
])('the archive of an artefact is read as a layer: %s', async (_what, pack) => {
  await using dir = await makeTempDir('artefact');
  const bytes = await archive();
  await writeArtefact(dir.path, 'site', [pack(bytes)], { 'org.opencontainers.image.version': '7' });
  await using source = sourceOf(dir.path, 'site');
  const found = await resolveFiles(source, 'amd64');
  expect(found.config).toMatchObject({ diffIds: [], labels: { 'org.opencontainers.image.version': '7' } });
  expect(found.manifestDigest).toBe(await source.resolveDigest());
  const image = await readLayerIds(source, found);
  expect(image.config.diffIds).toEqual([digestOf(bytes)]);
  expect(image.manifest.config.digest).toBe(digestOf(image.configBytes));
  const names: string[] = [];
  for await (const entry of readTar(openLayer(source, image, 0, { cacheDir: dir.path })))
    names.push(entry.path);
  expect(names).toEqual(['etc/site']);
});

test('an image is what it was', async () => {
  await using dir = await makeTempDir('artefact');
  {
    await using layout = await openLayoutWriter(dir.path);
    await writeSmallImage(layout, 'image');
  }
  await using source = sourceOf(dir.path, 'image');
  const image = await resolveFiles(source, 'amd64');
  expect(image).toEqual(await source.resolve('amd64'));
  expect(await readLayerIds(source, image)).toBe(image);
});

test.each([
  ['no layer', [], /an artefact of 0 layers/],
  ['two layers', [Buffer.from('a'), Buffer.from('b')], /an artefact of 2 layers/],
  ['squashfs', [Buffer.concat([Buffer.from('hsqs'), Buffer.alloc(4096)])], /its layer is a squashfs image/],
  ['EROFS', [raw(1024, [0xe2, 0xe1, 0xf5, 0xe0])], /its layer is an EROFS image/],
  ['ext4', [raw(1080, [0x53, 0xef])], /its layer is an ext4 image/],
  ['a disk', [raw(512, [...Buffer.from('EFI PART')])], /an image of a partitioned disk/],
])('what is no archive is refused: %s', async (_what, layers, why) => {
  await using dir = await makeTempDir('artefact');
  await writeArtefact(dir.path, 'site', layers, {});
  await using source = sourceOf(dir.path, 'site');
  const resolved = async (): Promise<unknown> => readLayerIds(source, await resolveFiles(source, 'amd64'));
  expect(await codeOf(resolved())).toMatch(new RegExp(`^OCI_MANIFEST_INVALID .*${why.source}`));
});

function raw(offset: number, magic: readonly number[]): Buffer {
  const bytes = Buffer.alloc(8192);
  Buffer.from(magic).copy(bytes, offset);
  return bytes;
}
