/** Bound images on a host that is a directory; podman's storage of them has a test of whole systems. */
import { readFile } from 'node:fs/promises';
import { isSlipwayError } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { cleanUp } from '../cleanup.ts';
import { installed, V2, V3 } from '../testing/scenario.ts';
import { hostDir, reboot, stage, type TestHost } from '../testing/test-host.ts';
import type { TestImage } from '../testing/test-image.ts';
import { quadletImage } from './bound-images.ts';
import type { BoundStore } from './bound-store.ts';
import { canonicalName } from './keep-bound.ts';

function bound(image: TestImage, names: Readonly<Record<string, string>>): TestImage {
  const units = Object.entries(names).flatMap(([unit, name]) => [
    [
      `usr/share/containers/systemd/${unit}`,
      `[Unit]\nImage=no\n[Container]\n# Image=no\nImage=${name}\n`,
    ] as const,
    [`usr/lib/bootc/bound-images.d/${unit}`, { link: `/usr/share/containers/systemd/${unit}` }] as const,
  ]);
  return { ...image, files: { ...image.files, ...Object.fromEntries(units) } };
}

/** A store that only remembers, for what does not hang on podman. */
function remembering(
  host: TestHost,
  absent: readonly string[] = [],
): TestHost & { readonly here: Set<string>; readonly boundStore: BoundStore } {
  const here = new Set<string>();
  const boundStore = {
    has: async (image: string) => here.has(image),
    pull: async (image: string) => {
      if (absent.includes(image)) throw new Error(`no ${image}`);
      here.add(canonicalName(image));
    },
    list: async () => [...here],
    remove: async (images: readonly string[]) => images.forEach((image) => here.delete(image)),
  };
  return { ...host, here, boundStore };
}

describe('an update bound to images', () => {
  test('is staged when all are there, and they stay as long as a deployment needs them', async () => {
    await using dir = await hostDir('bound');
    const host = remembering(await installed(dir.path));
    await stage(
      host,
      bound(V2, { 'db.container': 'registry.example/db:1', 'web.container': 'registry.example/web' }),
    );
    expect([...host.here]).toEqual(['registry.example/db:1', 'registry.example/web:latest']);
    const v2 = { ...(await reboot(host)), boundStore: host.boundStore };
    await stage(v2, bound(V3, { 'db.container': 'registry.example/db:2' }));
    expect([...host.here].toSorted()).toEqual([
      'registry.example/db:1',
      'registry.example/db:2',
      'registry.example/web:latest',
    ]);
    const v3 = { ...(await reboot(v2)), boundStore: host.boundStore };
    await stage(v3, { ...V3, version: '4', files: { ...V3.files, 'etc/default': 'v4' } });
    const v4 = { ...(await reboot(v3)), boundStore: host.boundStore };
    await cleanUp(v4);
    expect([...host.here]).toEqual(['registry.example/db:2']);
  });

  test('is not staged where one cannot be had', async () => {
    await using dir = await hostDir('bound');
    const host = remembering(await installed(dir.path), ['registry.example/b:1']);
    const image = bound(V2, { 'a.container': 'registry.example/a:1', 'b.container': 'registry.example/b:1' });
    await expect(stage(host, image)).rejects.toThrow('no registry.example/b:1');
    await expect(readFile(host.layout.staged)).rejects.toThrow('ENOENT');
    expect(await stage(remembering(host), image)).toMatchObject({ kind: 'staged' });
  });
});

describe('a quadlet', () => {
  test.each([
    ['[Container]\nImage=a:1\nImage=b:2\n', 'x.container', 'b:2'],
    ['[Image]\nImage = \\\n  registry.example/a@sha256:0\n', 'x.image', 'registry.example/a@sha256:0'],
  ])('%j names an image', (text, path, image) => {
    expect(quadletImage(text, path)).toBe(image);
  });

  test.each([
    ['[Container]\n', 'x.container', 'it has no Image= in [Container]'],
    ['[Image]\nImage=a', 'x.container', 'it has no Image='],
    ['[Container]\nImage=a', 'x.pod', 'it is neither a .container nor an .image'],
    ['[Image]\nImage=a\nAuthFile=/x', 'x.image', 'AuthFile= is not supported'],
    ['[Container]\nImage=a-%i', 'x.container', 'specifiers in Image= are not supported'],
    ['[Container]\nImage=web.image', 'x.container', 'it names another quadlet'],
    ['[Container]\nImage=--root=/ a', 'x.container', 'Image= is no name of an image'],
  ])('%j is refused', (text, path, why) => {
    const read = (): unknown => quadletImage(text, path);
    expect(read).toThrow(why);
    try {
      read();
    } catch (thrown) {
      expect(isSlipwayError(thrown, 'BOUND_IMAGE_INVALID')).toBe(true);
    }
  });
});
