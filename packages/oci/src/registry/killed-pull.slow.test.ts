/** Pulls that go on where an earlier process stopped. */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { digestOf } from '../digest.ts';
import { type Digest, type ImageSource, type ResolvedImage } from '../image.ts';
import { type OpenLayerOptions, openLayer } from '../layer/open-layer.ts';
import { type FaultProxy, startFaultProxy } from '../testing/fault-proxy.ts';
import { bulk, RegistryLab, source } from '../testing/registry-lab.ts';
import { collect, noise } from '../testing/small-image.ts';

let lab: RegistryLab;

beforeAll(async () => {
  lab = await RegistryLab.open();
});

afterAll(async () => {
  await lab[Symbol.asyncDispose]();
});

describe('a pull that was killed', () => {
  let proxy: FaultProxy;
  let cacheDir: string;
  let name: string;
  let blob: Buffer;
  let resolved: ResolvedImage;
  let from: ImageSource;
  const counts = { fetched: 0, saved: 0 };
  let options: OpenLayerOptions;

  beforeAll(async () => {
    proxy = await startFaultProxy(lab.plain);
    cacheDir = join(lab.path, 'cache');
    await mkdir(cacheDir);
    from = source(`${proxy.host}/os:v1`);
    resolved = await from.resolve('amd64');
    blob = await collect(from.openBlob(bulk(resolved)));
    name = `${bulk(resolved).digest.replace(':', '-')}.partial`;
    options = {
      cacheDir,
      onFetched: (bytes) => (counts.fetched += bytes),
      onSaved: (bytes) => (counts.saved += bytes),
    };
  });
  afterEach(async () => {
    counts.fetched = 0;
    counts.saved = 0;
    proxy.seen.length = 0;
    await rm(join(cacheDir, name), { force: true });
  });
  afterAll(async () => {
    await from[Symbol.asyncDispose]();
    await proxy[Symbol.asyncDispose]();
  });

  async function layer(): Promise<Digest> {
    return digestOf(await collect(openLayer(from, resolved, 1, options)));
  }

  test('goes on where it stopped', async () => {
    await writeFile(join(cacheDir, name), blob.subarray(0, 200_000));
    expect(await layer()).toBe(resolved.config.diffIds[1]);
    expect(counts).toEqual({ fetched: blob.length - 200_000, saved: 200_000 });
    expect(proxy.seen.at(-1)?.range).toBe('bytes=200000-');
    expect(await readdir(cacheDir)).toEqual([]);
  });

  test('had all of it', async () => {
    await writeFile(join(cacheDir, name), blob);
    expect(await layer()).toBe(resolved.config.diffIds[1]);
    expect(counts).toEqual({ fetched: 0, saved: blob.length });
  });

  test('left a part that is damaged, or too long: all is fetched', async () => {
    for (const part of [noise(9, 100_000), Buffer.concat([blob, Buffer.from('x')]), noise(9, blob.length)]) {
      counts.saved = 0;
      await writeFile(join(cacheDir, name), part);
      expect(await layer()).toBe(resolved.config.diffIds[1]);
      expect(counts.saved).toBe(0);
      expect(await readdir(cacheDir)).toEqual([]);
    }
  });

  test('a reader that stops early leaves a part to go on from', async () => {
    for await (const chunk of openLayer(from, resolved, 1, options)) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    expect(await readdir(cacheDir)).toEqual([name]);
    const part = (await readFile(join(cacheDir, name))).length;
    counts.fetched = 0;
    expect(await layer()).toBe(resolved.config.diffIds[1]);
    expect(counts).toEqual({ fetched: blob.length - part, saved: part });
  });

  test('wrong bytes from the registry leave nothing behind', async () => {
    proxy.fault = ({ path }) => (path.includes('/blobs/') ? { kind: 'corrupt', atByte: 300_000 } : undefined);
    await expect(layer()).rejects.toMatchObject({ code: expect.stringMatching(/^OCI_/) });
    await writeFile(join(cacheDir, name), blob.subarray(0, 100));
    await expect(layer()).rejects.toMatchObject({ code: expect.stringMatching(/^OCI_/) });
    proxy.fault = () => undefined;
    expect(await layer()).toBe(resolved.config.diffIds[1]);
  });
});
