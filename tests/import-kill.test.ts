import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { createBootImage, importImage, initRepository, type Repository } from '@slipway/composefs';
import { makeTempDir } from '@slipway/core';
import { layoutSource, parseReference } from '@slipway/oci';
import { expect, test } from 'vitest';
import { Random } from '../packages/composefs/src/testing/random-dump.ts';
import { layeredImage } from './harness/layered-image.ts';

// Scenario: processes that import an image are killed at random moments, one after the other, all into the same store. After
// every kill the store is whole: no object is wrong, no record names what is not there. What was recorded is not read again.

const KILLS = 14;
const LAYERS = 5;
const CHILD = fileURLToPath(new URL('harness/import-child.ts', import.meta.url));

test('a store survives its importers being killed', async () => {
  await using dir = await makeTempDir('kill');
  const image = await testImage(dir.path);
  const store = join(dir.path, 'store');
  const random = new Random(7);

  const recorded: number[] = [];
  let killed = 0;
  for (let round = 0; round < KILLS; round += 1) {
    if (await killedImport(image, store, join(dir.path, 'cache'), random.below(round < 5 ? 40 : 400)))
      killed += 1;
    const repository = await initRepository(store);
    expect(await repository.fsck()).toEqual([]);
    recorded.push(layerRecords(repository));
    // Started over from time to time, so that kills fall on every part of the work.
    if (recorded.at(-1) === LAYERS) await repository.gc({ keepImages: [], keepStreams: [] });
  }
  expect(killed).toBeGreaterThan(KILLS / 4);

  const before = layerRecords(await initRepository(store));
  const { id, reused } = await importHere(image, store, join(dir.path, 'cache'));
  expect(reused).toBe(before);
  expect(id).toBe((await importHere(image, join(dir.path, 'fresh'), join(dir.path, 'cache'))).id);
  const repository = await initRepository(store);
  await repository.gc();
  expect(await repository.fsck({ repair: true })).toEqual([]);
});

/** Layers long enough for a kill to fall into each of them. */
async function testImage(directory: string): Promise<string> {
  return `${await layeredImage(directory, { layers: LAYERS, filesPerLayer: 150, longFileBytes: 1_500_000 })}:test`;
}

test('a store is filled by several importers at once', async () => {
  await using dir = await makeTempDir('together');
  const image = await testImage(dir.path);
  const [store, cache] = [join(dir.path, 'store'), join(dir.path, 'cache')];
  const importers = Array.from({ length: 3 }, () => spawnImport(image, store, cache));
  const codes = await Promise.all(importers.map(async (child) => (await once(child, 'close'))[0]));
  expect(codes).toEqual([0, 0, 0]);

  const repository = await initRepository(store);
  expect(repository.listImages()).toHaveLength(1);
  expect(layerRecords(repository)).toBe(LAYERS);
  expect((await repository.gc()).removedObjects).toBe(0);
  expect(await repository.fsck({ repair: true })).toEqual([]);
});

/** Starts an import in another process and kills it; false when it was done before. */
async function killedImport(image: string, store: string, cache: string, afterMs: number): Promise<boolean> {
  const child = spawn(process.execPath, [CHILD, `oci:${image}`, store, cache], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  await Promise.race([once(child.stdout, 'data'), closed]);
  const timer = setTimeout(() => child.kill('SIGKILL'), afterMs);
  const [code, signal] = (await closed) as [number | null, string | null];
  clearTimeout(timer);
  if (signal !== 'SIGKILL') expect(code).toBe(0);
  return signal === 'SIGKILL';
}

function spawnImport(image: string, store: string, cache: string): ChildProcessByStdio<null, Readable, null> {
  return spawn(process.execPath, [CHILD, `oci:${image}`, store, cache], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

async function importHere(
  image: string,
  store: string,
  cacheDir: string,
): Promise<{ id: string; reused: number }> {
  const reference = parseReference(`oci:${image}`);
  if (reference.kind !== 'oci') throw new Error('not a layout');
  await using source = layoutSource(reference);
  const repository = await initRepository(store);
  const imported = await importImage(repository, source, await source.resolve('amd64'), { cacheDir });
  const { id } = await createBootImage(repository, imported);
  return { id, reused: imported.layers.filter((layer) => layer.reused).length };
}

function layerRecords(repository: Repository): number {
  return repository.listStreams().filter((name) => name.startsWith('oci-layer-')).length;
}
