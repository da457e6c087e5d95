/** The client against Debian's docker-registry: pulls, pushes, lists of images. */
import { execFileSync } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type ProgressEvent } from '@slipway/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { copyImage } from '../copy-image.ts';
import { digestOf } from '../digest.ts';
import { openLayoutWriter } from '../layout/writer.ts';
import { MEDIA_TYPES } from '../manifest.ts';
import { openImage, openTarget } from '../open-image.ts';
import { parseReference } from '../reference.ts';
import { startFaultProxy } from '../testing/fault-proxy.ts';
import { QUICK, RegistryLab, source } from '../testing/registry-lab.ts';
import { bytesOf, writeSmallImage } from '../testing/small-image.ts';

let lab: RegistryLab;

beforeAll(async () => {
  lab = await RegistryLab.open();
});

afterAll(async () => {
  await lab[Symbol.asyncDispose]();
});

describe('a plain registry on this machine', () => {
  test('pull: digest by one HEAD, manifest, layers', async () => {
    await using proxy = await startFaultProxy(lab.plain);
    await using from = source(`${proxy.host}/os:v1`);
    expect(await from.resolveDigest()).toBe(lab.image.digest);
    expect(proxy.seen.map(({ method, path }) => `${method} ${path}`)).toEqual(['HEAD /v2/os/manifests/v1']);
    expect(await lab.pull(from)).toMatchObject({
      referenceDigest: lab.image.digest,
      manifestDigest: lab.image.digest,
      config: { labels: { seed: '1' } },
    });
    expect((await readdir(lab.path)).filter((name) => name.endsWith('.partial'))).toEqual([]);
  });

  test('by digest, and what is not there', async () => {
    await using from = source(`${lab.plain}/os@${lab.image.digest}`);
    expect(await lab.pull(from)).toMatchObject({ manifestDigest: lab.image.digest });
    await using noTag = source(`${lab.plain}/os:v9`);
    await expect(noTag.resolve('amd64')).rejects.toMatchObject({
      code: 'OCI_NOT_FOUND',
      message: expect.stringContaining(
        `cannot pull the manifest v9 of ${lab.plain}/os: it is not there (MANIFEST_UNKNOWN`,
      ),
      details: { registry: lab.plain, repository: 'os', status: 404 },
    });
    await expect(noTag.resolveDigest()).rejects.toMatchObject({ code: 'OCI_NOT_FOUND' });
    await using noRepository = source(`${lab.plain}/nothing:v1`);
    await expect(noRepository.resolve('amd64')).rejects.toMatchObject({ code: 'OCI_NOT_FOUND' });
  });

  test('nobody listens, and a host nobody knows', async () => {
    await using closed = source('127.0.0.1:1/os:v1');
    await expect(closed.resolve('amd64')).rejects.toMatchObject({
      code: 'OCI_UNREACHABLE',
      message: 'cannot pull the manifest v1 of 127.0.0.1:1/os: nothing listens there',
    });
    await using unknown = source('registry.invalid/os:v1');
    await expect(unknown.resolveDigest()).rejects.toMatchObject({ code: 'OCI_UNREACHABLE' });
  });

  test('an index, Docker schema 2 made by skopeo, and what skopeo makes of ours', async () => {
    const layout = await openLayoutWriter(lab.layoutPath);
    const arm64 = await writeSmallImage(layout, 'arm64', { seed: 5, architecture: 'arm64' });
    await lab.push(`${lab.plain}/os:arm64`, {}, 'arm64').catch(() => undefined);
    await using arm = openImage(parseReference(`oci:${lab.layoutPath}:arm64`));
    await using to = await openTarget(parseReference(`${lab.plain}/os`), QUICK);
    await copyImage(arm, await arm.resolve('arm64'), to);
    const index = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests: [lab.image, arm64] }),
    );
    const digest = await to.putManifest(index, MEDIA_TYPES.index, 'both');
    await using from = source(`${lab.plain}/os:both`);
    expect(await from.resolveDigest()).toBe(digest);
    expect(await from.resolve('arm64')).toMatchObject({
      referenceDigest: digest,
      manifestDigest: arm64.digest,
    });
    await expect(from.resolve('s390x')).rejects.toMatchObject({ code: 'OCI_PLATFORM_MISSING' });

    const skopeo = ['--insecure-policy', 'copy', '-q', '--src-tls-verify=false', '--dest-tls-verify=false'];
    execFileSync('skopeo', [
      ...skopeo,
      '-f',
      'v2s2',
      `docker://${lab.plain}/os:v1`,
      `docker://${lab.plain}/docker:v1`,
    ]);
    await using docker = source(`${lab.plain}/docker:v1`);
    expect((await lab.pull(docker)).manifest.mediaType).toBe(MEDIA_TYPES.dockerManifest);
    execFileSync('skopeo', [...skopeo, `docker://${lab.plain}/os:v1`, `oci:${join(lab.path, 'skopeo')}:v1`]);
    await using copied = source(`oci:${join(lab.path, 'skopeo')}:v1`);
    expect(await copied.resolveDigest()).toBe(lab.image.digest);
  });

  test('push: in one, in chunks, mounted, and nothing twice', async () => {
    await using proxy = await startFaultProxy(lab.plain);
    const requests = (): string[] =>
      proxy.seen.splice(0).map(({ method, path }) => `${method} ${path.split('/')[3] ?? ''}`);
    expect(await lab.push(`${proxy.host}/one:v1`)).toBe(lab.image.digest);
    expect(requests().filter((line) => line.startsWith('PUT blobs'))).toHaveLength(3);
    await lab.push(`${proxy.host}/one:v2`);
    expect(requests().filter((line) => line.includes('POST'))).toEqual([]);
    await lab.push(`${proxy.host}/chunks:v1`, { chunkBytes: 100_000 });
    expect(requests().filter((line) => line.startsWith('PATCH')).length).toBeGreaterThan(6);
    await lab.push(`${proxy.host}/mounted:v1`, { mountFrom: 'one' });
    const mounting = requests();
    expect(mounting.filter((line) => line.startsWith('POST'))).toHaveLength(3);
    expect(mounting.filter((line) => line.startsWith('PUT blobs'))).toEqual([]);
    for (const name of ['one:v2', 'chunks:v1', 'mounted:v1']) {
      await using from = source(`${lab.plain}/${name}`);
      expect(await lab.pull(from)).toMatchObject({ manifestDigest: lab.image.digest });
    }
  });

  test('progress counts what was sent and what was there', async () => {
    await using from = openImage(parseReference(`oci:${lab.layoutPath}:v1`));
    const resolved = await from.resolve('amd64');
    const total = [resolved.manifest.config, ...resolved.manifest.layers].reduce(
      (sum, { size }) => sum + size,
      0,
    );
    for (const wanted of [
      { done: total, saved: 0 },
      { done: 0, saved: total },
    ]) {
      await using to = await openTarget(parseReference(`${lab.plain}/progress:v1`), QUICK);
      const events: ProgressEvent[] = [];
      await copyImage(from, resolved, to, { tag: 'v1', progress: (event) => events.push(event) });
      expect(events[0]).toMatchObject({ kind: 'start', unit: 'bytes', total });
      expect(events.at(-1)).toMatchObject({ kind: 'end', ...wanted });
    }
  });

  test('a damaged source is not pushed', async () => {
    await using to = await openTarget(parseReference(`${lab.plain}/damaged`), QUICK);
    const descriptor = { mediaType: 'x', digest: digestOf(Buffer.from('right')), size: 5 };
    await expect(to.putBlob(descriptor, () => bytesOf(Buffer.from('wrong')))).rejects.toMatchObject({
      code: 'OCI_DIGEST_MISMATCH',
    });
    expect(await to.hasBlob(descriptor)).toBe(false);
  });

  test('copied into a layout', async () => {
    await using from = source(`${lab.plain}/os:v1`);
    const path = join(lab.path, 'copied');
    await using to = await openTarget(parseReference(`oci:${path}`));
    await copyImage(from, await from.resolve('amd64'), to, { tag: 'mine' });
    await using copied = source(`oci:${path}:mine`);
    await lab.pull(copied);
  });
});
