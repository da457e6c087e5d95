import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createDelta, initRepository, pushDelta } from '@slipway/composefs';
import { makeTempDir } from '@slipway/core';
import { type LayoutReference, layoutSource } from '@slipway/oci';
import { describe, expect, test } from 'vitest';
import { file, link, member, writeLayeredImage } from '../testing/layered-image.ts';
import { compareImages } from './compare-images.ts';
import type { FileChange } from './file-changes.ts';
import { packageDifference } from './package-changes.ts';

function status(...packages: readonly (readonly [string, string])[]): string {
  return packages
    .map(
      ([name, version]) =>
        `Package: ${name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: ${version}\n`,
    )
    .join('\n');
}

const SHARED = [member('usr/'), member('usr/lib/'), file('usr/lib/big', 'b'.repeat(9000))];

describe('two images compared', () => {
  test('differ in packages, files, kernels, labels and bytes to fetch', async () => {
    await using directory = await makeTempDir('compare');
    const from = await writeLayeredImage(
      directory.path,
      'v1',
      [
        SHARED,
        [
          file('var/lib/dpkg/status', status(['bash', '5.2'], ['curl', '8'])),
          file('usr/lib/modules/6.1/vmlinuz', 'k1'),
          file('etc/motd', 'hello'),
          file('etc/same', 'same', { mtimeSec: 1 }),
          link('etc/link', 'motd'),
        ],
      ],
      { labels: { version: '1', only: 'here' } },
    );
    const to = await writeLayeredImage(
      directory.path,
      'v2',
      [
        SHARED,
        [
          file('var/lib/dpkg/status', status(['bash', '5.3'], ['nginx', '1'])),
          file('usr/lib/modules/6.2/vmlinuz', 'k2'),
          file('etc/motd', 'hello', { mode: 0o600 }),
          file('etc/same', 'same', { mtimeSec: 2 }),
          link('etc/link', 'same'),
          file('etc/copy-of-big', 'b'.repeat(9000)),
        ],
      ],
      { labels: { version: '2' } },
    );
    const changes: FileChange[] = [];

    const difference = await compareImages({
      from,
      to,
      architecture: 'amd64',
      readKernelArguments: async (tree) => (tree.entries.has('etc') ? ['quiet'] : []),
      onFile: (change) => changes.push(change),
    });

    expect(difference.packages).toEqual({
      added: [{ name: 'nginx', version: '1', architecture: 'amd64' }],
      removed: [{ name: 'curl', version: '8', architecture: 'amd64' }],
      changed: [{ name: 'bash', architecture: 'amd64', from: '5.2', to: '5.3' }],
      unchanged: 0,
    });
    expect(changes.map(({ kind, path }) => `${kind} ${path}`)).toEqual([
      'added /etc/copy-of-big',
      'changed /etc/link',
      'changed /etc/motd',
      'times /etc/same',
      'removed /usr/lib/modules/6.1',
      'removed /usr/lib/modules/6.1/vmlinuz',
      'added /usr/lib/modules/6.2',
      'added /usr/lib/modules/6.2/vmlinuz',
      'changed /var/lib/dpkg/status',
    ]);
    expect(difference.files.added).toEqual({ count: 3, sizeBytes: 9002 });
    expect(difference.kernels).toEqual({ from: ['6.1'], to: ['6.2'] });
    expect(difference.kernelArguments).toEqual({ added: [], removed: [] });
    expect(difference.labels).toEqual([
      { name: 'only', from: 'here', to: undefined },
      { name: 'version', from: '1', to: '2' },
    ]);
    const { manifest } = await layoutSource(to).resolve('amd64');
    const [, second] = manifest.layers;
    expect(difference.download.layersBytes).toBe((second?.size ?? 0) + manifest.config.size);
    // Two small files, not the copy of what is there.
    expect(difference.download.filesBytes).toBeLessThan(300);
    expect(difference.download.filesBytes).toBeGreaterThan(50);
  });

  test('are the same', async () => {
    await using directory = await makeTempDir('compare');
    const image = await writeLayeredImage(directory.path, 'v1', [SHARED]);
    const difference = await compareImages({
      from: image,
      to: image,
      architecture: 'amd64',
    });
    expect(difference.files).toMatchObject({
      added: { count: 0 },
      changed: { count: 0 },
      times: { count: 0 },
    });
    expect(difference.download).toEqual({ layersBytes: 0, filesBytes: 0, deltaBytes: undefined });
  });
});

test('a delta beside the second image is counted', async () => {
  await using directory = await makeTempDir('compare');
  // Bytes nothing can compress, so that a delta is worth having.
  const body = Array.from({ length: 3000 }, (_, index) =>
    createHash('sha256').update(`${index}`).digest('latin1'),
  );
  const image = async (tag: string, text: string) =>
    await writeLayeredImage(directory.path, tag, [[file('usr/lib/big', body.join('') + text)]]);
  const [from, to] = [await image('v1', 'old'), await image('v2', 'new')];
  const side = async (reference: LayoutReference) => {
    const source = layoutSource(reference);
    return { source, image: await source.resolve('amd64') };
  };
  const repository = await initRepository(join(directory.path, 'store'), { verity: 'none' });
  await mkdir(join(directory.path, 'delta'));
  const options = { cacheDir: join(directory.path, 'cache'), outputDir: join(directory.path, 'delta') };
  await pushDelta(await createDelta(repository, await side(from), await side(to), options), to);

  const { download } = await compareImages({ from, to, architecture: 'amd64' });

  expect(download.layersBytes).toBeGreaterThan(90_000);
  expect(download.deltaBytes).toBeGreaterThan(100);
  expect(download.deltaBytes).toBeLessThan(5000);
});

test('several versions of one package are added and removed one by one', () => {
  const kernels = (...versions: readonly string[]) => [
    {
      kind: 'rpm' as const,
      packages: versions.map((version) => ({
        name: 'kernel',
        version,
        architecture: 'x86_64',
        source: 'kernel',
        updatedBefore: false,
        files: [],
      })),
    },
  ];
  const difference = packageDifference(kernels('1', '2'), kernels('2', '3', '4'));
  expect(difference.removed.map(({ version }) => version)).toEqual(['1']);
  expect(difference.added.map(({ version }) => version)).toEqual(['3', '4']);
  expect(difference).toMatchObject({ changed: [], unchanged: 1 });
});
