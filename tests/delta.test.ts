/**
 * Deltas through the command, as a vendor makes them and a host uses them: beside the image in each kind of registry and in a
 * layout. A host that had the old image ends with the very store a whole pull gives, whatever happens on the way.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createBootImage,
  importImage,
  initRepository,
  openRepository,
  type Repository,
} from '@slipway/composefs';
import { makeTempDir, type TempDir } from '@slipway/core';
import { blobPath, type Digest, openImage, parseReference } from '@slipway/oci';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Random } from '../packages/composefs/src/testing/random-dump.ts';
import { exampleImage } from './harness/images.ts';
import { startRegistry } from './harness/registry.ts';
import { serveRegistryProcess } from './harness/registry-server.ts';
import { ROOT, slipway, slipwayJson } from './harness/slipway.ts';
import { type VersionPair, versionPair } from './harness/version-pair.ts';

const KILLS = 6;

let temp: TempDir;
let pair: VersionPair;
let env: Readonly<Record<string, string>>;

beforeAll(async () => {
  temp = await makeTempDir('delta');
  pair = await versionPair(temp.path);
  env = { SLIPWAY_CACHE: join(temp.path, 'cache'), REGISTRY_AUTH_FILE: join(temp.path, 'no-auth.json') };
});
afterAll(async () => {
  await temp[Symbol.asyncDispose]();
});

interface Created {
  readonly digest: string;
  readonly sizeBytes: number;
  readonly replacedBytes: number;
  readonly layers: readonly { readonly digest: Digest }[];
}

interface Applied {
  readonly fetchedBytes: number;
  readonly imageBytes: number;
}

async function create(old: string, fresh: string): Promise<Created> {
  return (await slipwayJson(['delta', 'create', '--push', old, fresh], { env })) as Created;
}

async function apply(store: string, image: string): Promise<Applied> {
  return (await slipwayJson(['delta', 'apply', '--store', store, image], { env })) as Applied;
}

/** Pulls an image, whole, into a store; the id of what boots. */
async function pulled(directory: string, image: string): Promise<string> {
  const repository = await initRepository(directory, { verity: 'none' });
  await using source = openImage(parseReference(image));
  const cacheDir = join(temp.path, 'downloads');
  const imported = await importImage(repository, source, await source.resolve('amd64'), { cacheDir });
  return (await createBootImage(repository, imported)).id;
}

/** Everything that is known of layers and images, by name. */
function records(repository: Repository): ReadonlyMap<string, string | undefined> {
  const names = repository.listStreams().filter((name) => /^oci-(layer|manifest|config)-/.test(name));
  return new Map(names.map((name) => [name, repository.streams.get(name)]));
}

/** A store that got there by a delta holds what one that pulled both versions whole does. */
async function expectSameAsWhole(store: string, v1: string, v2: string): Promise<void> {
  const whole = await makeTempDir('whole', temp.path);
  await pulled(whole.path, v1);
  const id = await pulled(whole.path, v2);
  expect(await pulled(store, v2)).toBe(id);
  const [byDelta, pulledWhole] = [await openRepository(store), await openRepository(whole.path)];
  expect(records(byDelta)).toEqual(records(pulledWhole));
  expect(await byDelta.fsck()).toEqual([]);
}

async function storeWith(image: string): Promise<string> {
  const { path } = await makeTempDir('store', temp.path);
  await pulled(path, image);
  return path;
}

describe.each(['slipway registry', 'docker-registry'])('in a %s', (kind) => {
  test('the delta is found and used', async () => {
    await using registry =
      kind === 'docker-registry'
        ? await startRegistry()
        : await serveRegistryProcess(join(temp.path, 'registry'));
    const [v1, v2] = [`${registry.hostPort}/shop:v1`, `${registry.hostPort}/shop:v2`];
    await slipway(['copy', pair.v1, v1], { env });
    await slipway(['copy', pair.v2, v2], { env });

    const created = await create(v1, v2);
    expect(created.sizeBytes).toBeLessThan(created.replacedBytes / 20);
    expect(await slipwayJson(['delta', 'inspect', v2], { env })).toMatchObject({
      deltas: [{ digest: created.digest, sizeBytes: created.sizeBytes }],
    });
    expect(await slipwayJson(['delta', 'inspect', v1], { env })).toMatchObject({ deltas: [] });

    const store = await storeWith(v1);
    expect((await apply(store, v2)).fetchedBytes).toBe(created.sizeBytes);
    await expectSameAsWhole(store, v1, v2);
    // Whoever has no old image fetches layers.
    const { path: empty } = await makeTempDir('empty', temp.path);
    await initRepository(empty);
    const fromNothing = await apply(empty, v2);
    expect(fromNothing.fetchedBytes).toBe(fromNothing.imageBytes);
  });
});

describe('in a layout', () => {
  test('the delta of a real image is found and used', async () => {
    const say = (line: string): void => void process.stderr.write(`${line}\n`);
    const images = [
      await exampleImage({ folder: 'web-application' }, say),
      await exampleImage({ folder: 'web-application', containerfile: 'Containerfile.v2' }, say),
    ];
    const layout = join(temp.path, 'example');
    const [v1, v2] = [`oci:${layout}:v1`, `oci:${layout}:v2`];
    await slipway(['copy', images[0] ?? '', v1], { env });
    await slipway(['copy', images[1] ?? '', v2], { env });
    const created = await create(v1, v2);

    const store = await storeWith(v1);
    const { fetchedBytes } = await apply(store, v2);
    // Layers too short for a delta come as they are.
    expect(fetchedBytes).toBeLessThan(created.sizeBytes + 10_000);
    expect(fetchedBytes).toBeLessThan(created.replacedBytes / 2);
    await expectSameAsWhole(store, v1, v2);
  });

  test('a damaged delta, and one whose old objects are damaged, cost nothing but the layer', async () => {
    const created = await create(pair.v1, pair.v2);
    const path = blobPath(pair.v2.split(':')[1] ?? '', created.layers[0]?.digest ?? ('' as Digest));
    const bytes = await readFile(path);
    const damaged = Buffer.from(bytes);
    damaged[damaged.length >> 1] = (damaged[damaged.length >> 1] ?? 0) ^ 0x10;
    await writeFile(path, damaged);
    const store = await storeWith(pair.v1);
    expect((await apply(store, pair.v2)).fetchedBytes).toBeGreaterThan(created.replacedBytes / 2);
    await expectSameAsWhole(store, pair.v1, pair.v2);
    await writeFile(path, bytes);

    const second = await storeWith(pair.v1);
    const repository = await openRepository(second);
    const record =
      [...records(repository).keys()].filter((name) => name.startsWith('oci-layer-')).at(-1) ?? '';
    const [object = Buffer.alloc(0)] = repository.readStream(record)?.objects ?? [];
    await writeFile(repository.objectPath(Buffer.from(object).toString('hex')), 'damaged');
    expect((await apply(second, pair.v2)).fetchedBytes).toBeGreaterThan(0);
  });

  test('hosts killed while they make layers of a delta go on, and leave nothing wrong', async () => {
    await create(pair.v1, pair.v2);
    const store = await storeWith(pair.v1);
    const random = new Random(3);
    for (let round = 0; round < KILLS; round += 1) {
      await killedApply(store, 150 + random.below(250));
      expect(await (await openRepository(store)).fsck()).toEqual([]);
    }
    await apply(store, pair.v2);
    await expectSameAsWhole(store, pair.v1, pair.v2);
  });
});

async function killedApply(store: string, afterMs: number): Promise<void> {
  const child = spawn(`${ROOT}/bin/slipway`, ['delta', 'apply', '--store', store, pair.v2], {
    env: { ...process.env, ...env },
    stdio: 'ignore',
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), afterMs);
  await once(child, 'close');
  clearTimeout(timer);
}
