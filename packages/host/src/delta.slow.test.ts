import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createDelta, type DeltaSide, initRepository, pushDelta } from '@slipway/composefs';
import { layoutSource } from '@slipway/oci';
import { expect, test } from 'vitest';
import { recordBoot } from './booted.ts';
import { V1, V2 } from './testing/scenario.ts';
import { boot, hostDir, installHost, partsOf, reboot, stage, type TestHost } from './testing/test-host.ts';
import { type TestImage, writeTestImage } from './testing/test-image.ts';

/** Text that does not pack well. */
const DATA = Array.from({ length: 2000 }, (_, index) =>
  createHash('sha256').update(String(index)).digest('hex'),
).join('\n');

function withData(image: TestImage, data: string, tag: string): TestImage {
  return { ...image, tag, files: { ...image.files, 'usr/lib/data': data } };
}

const OLD = withData(V1, DATA, 'stable');
const NEW = withData(V2, DATA.replaceAll('\nab', '\nba'), 'stable');

test('an upgrade takes the delta beside the image, and boots what it would have booted', async () => {
  await using dir = await hostDir('delta');
  const [plain, updated] = [join(dir.path, 'plain'), join(dir.path, 'updated')];
  const deltaBytes = await publishDelta(updated);
  const staged = await upgraded(await installed(updated));
  const without = await upgraded(await installed(plain));

  expect(without.fetchedBytes).toBeGreaterThan(60_000);
  // Layers that are too short for a delta come as they are.
  expect(staged.fetchedBytes).toBeLessThan(deltaBytes + 2000);
  expect(staged.fetchedBytes).toBeLessThan(without.fetchedBytes / 4);
  expect(staged.deployment).toBe(without.deployment);
  expect((await reboot(staged.host)).bootedId).toBe(staged.deployment);
});

/** Puts the delta beside an image that is yet to come: the host's own one is written first. */
async function publishDelta(directory: string): Promise<number> {
  const { images } = partsOf(directory);
  await writeTestImage(images, { ...OLD, tag: 'old' });
  await writeTestImage(images, { ...NEW, tag: 'new' });
  const store = await initRepository(join(directory, 'vendor'));
  const outputDir = join(directory, 'delta');
  await mkdir(outputDir);
  const options = { cacheDir: join(directory, 'vendor-cache'), outputDir };
  const delta = await createDelta(store, await side(images, 'old'), await side(images, 'new'), options);
  await pushDelta(delta, { kind: 'oci', path: images, tag: 'new', digest: undefined });
  return delta.sizeBytes;
}

async function side(images: string, tag: string): Promise<DeltaSide> {
  const source = layoutSource({ kind: 'oci', path: images, tag, digest: undefined });
  return { source, image: await source.resolve('amd64') };
}

async function installed(directory: string): Promise<TestHost> {
  await installHost(directory, OLD);
  const host = await boot(directory);
  await recordBoot(host);
  return host;
}

async function upgraded(
  host: TestHost,
): Promise<{ readonly host: TestHost; readonly deployment: string; readonly fetchedBytes: number }> {
  const staged = await stage(host, NEW);
  if (staged.kind !== 'staged') throw new Error(`not staged: ${staged.kind}`);
  return { host, deployment: staged.deployment, fetchedBytes: staged.fetchedBytes };
}
