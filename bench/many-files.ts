/** An image of very many small files and the version after it, made once and kept under build/cache/bench. */
import { createCipheriv } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { createDelta, type DeltaSide, importImage, initRepository, pushDelta } from '@slipway/composefs';
import { makeTempDir } from '@slipway/core';
import {
  layoutSource,
  MEDIA_TYPES,
  openLayoutWriter,
  type TarInput,
  writeLayer,
  writeTar,
} from '@slipway/oci';
import { member } from '../packages/composefs/src/import/testing.ts';
import { CACHE } from '../tests/harness/slipway.ts';

const DIRECTORY = `${CACHE}/bench`;
/** Twice what a large server has. */
const MANY_FILES = 150_000;
const LAYERS = 3;
const FILES_PER_DIRECTORY = 50;
const LONGEST_BYTES = 3000;
/** Of so many files, the second version has one changed. */
const CHANGED_DIVISOR = 10;
const VERSIONS = ['v1', 'v2'] as const;

/** A layout with both versions as `v1` and `v2`, layers zstd:chunked, and the delta from one to the other. */
export async function manyFilesPair(): Promise<string> {
  const directory = join(DIRECTORY, 'many-files');
  if (existsSync(directory)) return directory;
  await mkdir(DIRECTORY, { recursive: true });
  await using work = await makeTempDir('build', DIRECTORY);
  const layout = join(work.path, 'many-files');
  for (const version of VERSIONS) await writeImage(layout, version);
  await writeDelta(layout, work.path);
  await rename(layout, directory);
  return directory;
}

async function writeImage(path: string, tag: (typeof VERSIONS)[number]): Promise<void> {
  await using layout = await openLayoutWriter(path);
  const layers = [];
  for (let layer = 0; layer < LAYERS; layer += 1) {
    const archive = writeTar(members(layer, tag));
    layers.push(await writeLayer(layout, archive, { compression: 'zstd:chunked', level: 1 }));
  }
  const config = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    }),
  );
  const blob = await layout.writeBlob(once(config));
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    config: { mediaType: MEDIA_TYPES.config, ...blob },
    layers: layers.map(({ descriptor }) => descriptor),
  };
  await layout.putManifest(Buffer.from(JSON.stringify(manifest)), MEDIA_TYPES.manifest, tag);
}

async function* members(layer: number, tag: string): AsyncGenerator<TarInput, void, undefined> {
  for (const path of ['usr/', 'boot/', 'sysroot/', 'usr/share/', `usr/share/${layer}/`]) yield member(path);
  const noise = new Noise(layer);
  const changes = new Noise(LAYERS + layer);
  for (let index = 0; index < MANY_FILES / LAYERS; index += 1) {
    const directory = `usr/share/${layer}/package-${Math.floor(index / FILES_PER_DIRECTORY)}/`;
    if (index % FILES_PER_DIRECTORY === 0) yield member(directory);
    const bytes = noise.bytes(100 + ((index * 7919) % LONGEST_BYTES));
    const changed = changes.bytes(50);
    if (tag === 'v2' && index % CHANGED_DIVISOR === 0) changed.copy(bytes);
    yield member(`${directory}some-file-of-the-package-${index}.py`, { bytes });
  }
}

/** Bytes that look like chance and are the same each time; as hexadecimal digits, so that they can be compressed. */
class Noise {
  readonly #cipher;

  constructor(seed: number) {
    this.#cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16));
  }

  bytes(length: number): Buffer {
    const half = this.#cipher.update(Buffer.alloc(Math.ceil(length / 2)));
    return Buffer.from(half.toString('hex').slice(0, length), 'latin1');
  }
}

async function writeDelta(path: string, directory: string): Promise<void> {
  const repository = await initRepository(join(directory, 'store'), { verity: 'none' });
  const [cacheDir, outputDir] = [join(directory, 'cache'), join(directory, 'delta')];
  await mkdir(outputDir);
  const side = async (tag: string): Promise<DeltaSide> => {
    const source = layoutSource({ kind: 'oci', path, tag, digest: undefined });
    return { source, image: await source.resolve('amd64') };
  };
  const [old, fresh] = [await side('v1'), await side('v2')];
  await importImage(repository, old.source, old.image, { cacheDir });
  const delta = await createDelta(repository, old, fresh, { cacheDir, outputDir });
  await pushDelta(delta, { kind: 'oci', path, tag: 'v2', digest: undefined });
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}
