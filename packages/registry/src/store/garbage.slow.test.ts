/** What goes and what stays. */
import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, type TempDir } from '@slipway/core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type RegistryServer, serveRegistry } from '../serve.ts';
import { RawClient } from '../testing/raw-client.ts';
import {
  bytesFor,
  type Document,
  descriptorOf,
  digestOf,
  document,
  OCI_INDEX,
  OCI_MANIFEST,
  RegistryUser,
} from '../testing/registry-user.ts';
import { collectGarbage, type GarbageOptions, type GarbageReport } from './garbage.ts';

let temp: TempDir;
let server: RegistryServer;
let ci: RegistryUser;

beforeEach(async () => {
  temp = await makeTempDir('garbage');
  server = await serveRegistry({ root: temp.path, port: 0 });
  ci = new RegistryUser(new RawClient(server.url), 'os');
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await temp[Symbol.asyncDispose]();
});

/** As long after everything as a week. */
async function collect(options: Partial<GarbageOptions> = {}): Promise<GarbageReport> {
  const weekAgo = Date.now() / 1000 - 7 * 86_400;
  for (const name of await readdir(temp.path, { recursive: true }))
    await utimes(join(temp.path, name), weekAgo, weekAgo);
  return await collectGarbage({ root: temp.path, ...options });
}

async function blobNames(): Promise<readonly string[]> {
  return (await readdir(join(temp.path, 'blobs', 'sha256'))).map((name) => `sha256:${name}`);
}

async function isWhole(image: Document): Promise<void> {
  const { body } = await ci.expect(200, { path: `manifests/${image.digest}` });
  const { config, layers } = JSON.parse(body.toString()) as {
    config: { digest: string };
    layers: { digest: string }[];
  };
  for (const { digest } of [config, ...layers]) await ci.expect(200, { path: `blobs/${digest}` });
}

test('what no manifest names goes, what one names stays', async () => {
  const image = await ci.image('stays');
  await ci.pushManifest(image, 'v1');
  const untagged = await ci.image('untagged');
  await ci.pushManifest(untagged);
  const deleted = await ci.image('deleted');
  await ci.pushManifest(deleted, 'v2');
  await ci.expect(202, { method: 'DELETE', path: `manifests/${deleted.digest}` });
  await ci.pushBlob(bytesFor('orphan', 1000));
  await ci.begin();
  await writeFile(join(temp.path, '.slipway-put-0123'), 'left by a copy that was killed');

  const counted = await collect({ dryRun: true });
  expect(await blobNames()).toHaveLength(10);
  const report = await collect();
  expect(report).toEqual(counted);
  // The deleted manifest, its configuration and layer, and the orphan.
  expect(report).toMatchObject({ removedManifests: 0, removedBlobs: 4, removedLeftovers: 2, keptBlobs: 6 });
  expect(report.removedBytes).toBeGreaterThan(1600);
  await isWhole(image);
  await isWhole(untagged);
  await ci.expect(404, { path: `blobs/${digestOf(bytesFor('orphan', 1000))}` });
  expect(await collect()).toMatchObject({ removedBlobs: 0, removedLeftovers: 0, keptBlobs: 6 });

  // And all of it can come back.
  await ci.pushManifest(await ci.image('deleted'), 'v2');
  await isWhole(deleted);
});

test('what is young stays: a push may be under way', async () => {
  await ci.pushBlob(bytesFor('young'));
  await ci.begin();
  expect(await collectGarbage({ root: temp.path })).toMatchObject({
    removedBlobs: 0,
    removedLeftovers: 0,
    keptBlobs: 1,
  });
  expect(await collectGarbage({ root: temp.path, graceMs: -1000 })).toMatchObject({
    removedBlobs: 1,
    removedLeftovers: 1,
  });
});

test('a blob of two repositories stays for the other, and only there', async () => {
  const other = new RegistryUser(ci.client, 'other');
  const image = await ci.image('shared');
  await ci.pushManifest(image, 'v1');
  await other.image('shared');
  const digest = digestOf(bytesFor('shared'));
  await other.expect(200, { path: `blobs/${digest}` });
  await collect();
  await isWhole(image);
  await other.expect(404, { path: `blobs/${digest}` });
});

test('without a tag: what a tagged index lists and what is about it stays, the rest goes', async () => {
  const inner = await ci.image('listed');
  await ci.pushManifest(inner);
  const index = document(OCI_INDEX, {
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: [descriptorOf(OCI_MANIFEST, inner.bytes)],
  });
  await ci.pushManifest(index, 'v1');
  const signature = await ci.referrer(index, 'example/signature');
  const ofSignature = await ci.referrer(signature, 'example/timestamp');
  const old = await ci.image('old');
  await ci.pushManifest(old, 'v1-old');
  const ofOld = await ci.referrer(old, 'example/signature');
  await ci.expect(202, { method: 'DELETE', path: 'manifests/v1-old' });

  expect(await collect({ deleteUntagged: true })).toMatchObject({ removedManifests: 2, removedBlobs: 4 });
  for (const { digest } of [index, inner, signature, ofSignature]) {
    await ci.expect(200, { path: `manifests/${digest}` });
  }
  await isWhole(inner);
  for (const { digest } of [old, ofOld]) await ci.expect(404, { path: `manifests/${digest}` });
  expect(await ci.json(`referrers/${old.digest}`)).toMatchObject({ manifests: [] });
  expect(await ci.json(`referrers/${index.digest}`)).toMatchObject({
    manifests: [{ digest: signature.digest }],
  });
});

test('entries of the layout that are no repository stay, with all they name', async () => {
  const image = await ci.image('foreign');
  await ci.pushManifest(image, 'v1');
  const path = join(temp.path, 'index.json');
  await writeFile(path, (await readFile(path, 'utf8')).replace('os:v1', 'a-name-of-its-own'));
  await ci.expect(404, { path: 'manifests/v1' });
  await ci.expect(202, { method: 'DELETE', path: `manifests/${image.digest}` });
  expect(await collect()).toMatchObject({ removedBlobs: 0, keptBlobs: 3 });
});

test('a damaged manifest takes nothing with it but itself', async () => {
  const [image, damaged] = [await ci.image('whole'), await ci.image('damaged')];
  await ci.pushManifest(image, 'v1');
  await ci.pushManifest(damaged, 'v2');
  await writeFile(join(temp.path, 'blobs', 'sha256', damaged.digest.slice(7)), '{"half":');
  expect(await collect()).toMatchObject({ keptBlobs: 4 });
  await isWhole(image);
});

test('not a registry: nothing is touched', async () => {
  const other = join(temp.path, 'other');
  await mkdir(other);
  await expect(collectGarbage({ root: other })).rejects.toMatchObject({ code: 'OCI_LAYOUT_INVALID' });
  expect(await readdir(other)).toEqual([]);
});

test('collected while images come and go: whatever was pushed can be pulled', async () => {
  const abort = new AbortController();
  const collecting = (async () => {
    let runs = 0;
    for (; !abort.signal.aborted; runs += 1)
      await collectGarbage({ root: temp.path, deleteUntagged: true, graceMs: 60_000 });
    return runs;
  })();
  await Promise.all(
    [0, 1, 2].map(async (lane) => {
      for (let round = 0; round < 6; round += 1) {
        const image = await ci.image(`lane ${lane} round ${round % 2}`);
        await ci.pushManifest(image, `lane${lane}`);
        await isWhole(image);
        if (round % 3 === 2) await ci.expect(202, { method: 'DELETE', path: `manifests/${image.digest}` });
      }
    }),
  );
  abort.abort();
  expect(await collecting).toBeGreaterThan(0);
});
