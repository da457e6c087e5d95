import { writeFile } from 'node:fs/promises';
import { isSlipwayError } from '@slipway/core';
import type { ImageSource } from '@slipway/oci';
import { describe, expect, test } from 'vitest';
import { checkUpdate, followedReference } from './check.ts';
import { installed, sourceOf, V1, V2 } from './testing/scenario.ts';
import { hostDir, partsOf, stage } from './testing/test-host.ts';
import { writeTestImage } from './testing/test-image.ts';

describe('asking for an update', () => {
  test('says what is new without changing anything', async () => {
    await using dir = await hostDir('check');
    const host = await installed(dir.path);
    expect(await checkUpdate(host, sourceOf(host))).toMatchObject({ kind: 'up-to-date', version: '1' });
    await writeTestImage(partsOf(dir.path).images, V2);
    expect(await checkUpdate(host, sourceOf(host))).toMatchObject({
      kind: 'available',
      version: '2',
      layers: 2,
      newLayers: 2,
    });
    await stage(host, V2);
    expect(await checkUpdate(host, sourceOf(host))).toMatchObject({ kind: 'already-staged', version: '2' });
  });

  test('needs only the digest when there is nothing new', async () => {
    await using dir = await hostDir('check');
    const host = await installed(dir.path);
    const source = sourceOf(host);
    const refuse = (): never => {
      throw new Error('nothing more is to be read');
    };
    const digestOnly: ImageSource = {
      transport: 'oci',
      name: source.name,
      resolveDigest: (options) => source.resolveDigest(options),
      resolve: refuse,
      openBlob: refuse,
      [Symbol.asyncDispose]: async () => undefined,
    };
    expect(await checkUpdate(host, digestOnly)).toMatchObject({ kind: 'up-to-date' });
  });
});

describe('the image a host follows', () => {
  test('is the one staged, else the one booted', async () => {
    await using dir = await hostDir('check');
    const host = await installed(dir.path);
    expect(await followedReference(host)).toMatchObject({ kind: 'oci', tag: 'stable' });
    await stage(host, { ...V2, tag: 'beta' });
    expect(await followedReference(host)).toMatchObject({ kind: 'oci', tag: 'beta' });
    expect(await stage(host, V1)).toMatchObject({ kind: 'up-to-date' });
    expect(await followedReference(host)).toMatchObject({ kind: 'oci', tag: 'stable' });
  });

  test('is not guessed', async () => {
    await using dir = await hostDir('check');
    const host = await installed(dir.path);
    await writeFile(host.layout.deployment(host.bootedId).origin, '');
    const thrown: unknown = await followedReference(host).catch((error: unknown) => error);
    expect(isSlipwayError(thrown, 'STATE_INVALID') && thrown.hint).toBe('name the image: slipway switch REF');
  });
});
