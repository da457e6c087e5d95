import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createBootImage, importImage, initRepository } from '@slipway/composefs';
import { isSlipwayError } from '@slipway/core';
import { layoutSource, parseReference, type ResolvedImage } from '@slipway/oci';
import { describe, expect, test } from 'vitest';
import { boundImagesOfRoot } from '../bound/bound-images-of-root.ts';
import { installed, V2 } from '../testing/scenario.ts';
import { hostDir, partsOf, stage, type TestHost } from '../testing/test-host.ts';
import { copyDeployment } from './copy-deployment.ts';
import { listImages } from './list-images.ts';

/** Copies a deployment into a layout and reads it as any host would: its image, and the deployment it makes. */
async function copied(
  host: TestHost,
  source?: string,
): Promise<{ readonly image: ResolvedImage; readonly id: string }> {
  const place = join(host.directory, `copy-${source ?? 'booted'}`.replaceAll('/', '-'));
  const target = parseReference(`oci:${place}:x`);
  if (target.kind !== 'oci') throw new Error('not a layout');
  await copyDeployment(host, { source, target });
  await using layout = layoutSource(target);
  const image = await layout.resolve('amd64');
  const repository = await initRepository(`${place}-store`);
  const imported = await importImage(repository, layout, image, { cacheDir: `${place}-cache` });
  return { image, id: (await createBootImage(repository, imported)).id };
}

describe('copying a deployment', () => {
  test('gives an image that makes the same deployment, with what it said of itself', async () => {
    await using dir = await hostDir('images');
    const host = await installed(dir.path);
    const { image, id } = await copied(host);
    expect(id).toBe(host.bootedId);
    expect(image.manifest.layers).toHaveLength(1);
    expect(image.config.labels).toMatchObject({ 'org.opencontainers.image.version': '1' });
  });

  test('takes the one that is named, by its image or by itself', async () => {
    await using dir = await hostDir('images');
    const host = await installed(dir.path);
    const result = await stage(host, V2);
    expect((await copied(host, 'staged')).id).toBe(result.deployment);
    const name = `${partsOf(dir.path).images}:stable`;
    expect((await copied(host, name)).id).toBe(host.bootedId);
    await expect(copied(host, 'registry.example/other')).rejects.toThrow('there is none of that name');
  });

  test('does without what was never recorded', async () => {
    await using dir = await hostDir('images');
    const host = await installed(dir.path);
    await rm(join(host.layout.composefs, 'streams'), { recursive: true });
    await mkdir(join(host.layout.composefs, 'streams'));
    const { image, id } = await copied(host);
    expect(id).toBe(host.bootedId);
    expect(image.config.labels).toEqual({ 'containers.bootc': '1' });
  });
});

describe('images of a host', () => {
  test('are those of deployments, of the storage, and those the root is bound to', async () => {
    await using dir = await hostDir('images');
    const host = await installed(dir.path);
    const root = join(dir.path, 'root');
    await mkdir(join(root, 'usr/lib/bootc/bound-images.d'), { recursive: true });
    await mkdir(join(root, 'usr/share/containers/systemd'), { recursive: true });
    await writeFile(
      join(root, 'usr/share/containers/systemd/db.container'),
      '[Container]\nImage=registry.example/db:1\n',
    );
    await symlink(
      '/usr/share/containers/systemd/db.container',
      join(root, 'usr/lib/bootc/bound-images.d/db.container'),
    );
    const own = { image_type: 'host', image: `${partsOf(dir.path).images}:stable` };
    const bound = { image_type: 'logical', image: 'registry.example/db:1' };
    expect(await listImages(host, 'all', root)).toEqual([own, bound]);
    expect(await listImages(host, 'host', root)).toEqual([own]);
    const list = async (): Promise<readonly string[]> => ['registry.example/db:1'];
    const boundStore = { list, has: async () => true, pull: async () => {}, remove: async () => {} };
    expect(await listImages({ ...host, boundStore }, 'host', root)).toEqual([
      own,
      { image_type: 'unified', image: 'registry.example/db:1' },
    ]);

    const none = { ...host, mountInfo: async () => '' };
    expect(await listImages(none, 'all', root)).toEqual([bound]);
    expect(await listImages(none, 'logical', dir.path)).toEqual([]);
    await expect(listImages(none, 'host', root)).rejects.toThrow('not booted from a Slipway deployment');
  });

  test.each([
    ['a file', async (path: string) => writeFile(path, ''), 'it is not a symbolic link'],
    ['a link to nothing', async (path: string) => symlink('../x.image', path), 'it leads to no file'],
  ])('cannot be named by %s', async (_what, make, why) => {
    await using dir = await hostDir('images');
    const place = join(dir.path, 'usr/lib/bootc/bound-images.d');
    await mkdir(place, { recursive: true });
    await make(join(place, 'x.image'));
    const failure = await boundImagesOfRoot(dir.path).catch((thrown: unknown) => thrown);
    expect(isSlipwayError(failure, 'BOUND_IMAGE_INVALID')).toBe(true);
    expect(String(failure)).toContain(why);
  });
});
