import { randomBytes } from 'node:crypto';
import { makeTempDir, type TempDir } from '@slipway/core';
import { type Digest, type TarInput, writeTar } from '@slipway/oci';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { initRepository } from '../repository/init.ts';
import { readFile } from '../repository/node-content.ts';
import type { Repository } from '../repository/repository.ts';
import type { RegularNode } from '../tree.ts';
import { lookupPath, walkTree } from '../tree-path.ts';
import { createBootImage } from './boot-image.ts';
import { importImage } from './import-image.ts';
import { readLayer } from './read-layer.ts';
import { bytesOf, file, link, member, type TestImage, testImage } from './testing.ts';

let dir: TempDir;
let repository: Repository;

beforeEach(async () => {
  dir = await makeTempDir('import-test');
  repository = await initRepository(`${dir.path}/store`);
});
afterEach(async () => {
  await dir[Symbol.asyncDispose]();
});

async function imported({ source, resolved }: TestImage): ReturnType<typeof importImage> {
  return await importImage(repository, source, resolved, { cacheDir: `${dir.path}/cache` });
}

async function contentOf(node: RegularNode): Promise<Buffer> {
  return await bytesOf(readFile(repository, node));
}

describe('importImage', () => {
  test('puts files where their size says and gives their bytes back', async () => {
    const sizes = [0, 1, 64, 65, 4096, 4097, 300_000, 1_048_576, 1_048_577, 3_000_001];
    const bodies = sizes.map((size) => randomBytes(size));
    const members = bodies.map((bytes) => member(`data/${bytes.length}`, { bytes }));
    const { tree, newObjects } = await imported(await testImage([members]));

    expect(newObjects).toBe(sizes.filter((size) => size > 64).length);
    for (const bytes of bodies) {
      const node = lookupPath(tree, `/data/${bytes.length}`)?.node;
      if (node?.kind !== 'regular') throw new Error('not there');
      expect(node.content.kind).toBe(bytes.length > 64 ? 'object' : 'inline');
      expect((await contentOf(node)).equals(bytes)).toBe(true);
    }
  });

  test('neither opens nor reads a layer it has, and makes the same tree of it', async () => {
    const capability = new Map([['security.capability', Buffer.from([1, 0, 0, 2, 0xff])]]);
    const image = await testImage([
      [
        member('./', { mode: 0o700 }),
        member('usr/', { mtimeNsec: 123_456_789 }),
        member('usr/ping', { bytes: randomBytes(100), xattrs: capability, mode: 0o4755 }),
        link('usr/link', '../nowhere'),
        member('dev/null', { kind: 'character-device', deviceMajor: 1, deviceMinor: 3 }),
        member('pipe', { kind: 'fifo', mtimeSec: -5 }),
      ],
      [link('usr/second', 'usr/ping', 'hardlink'), file('usr/\xff name', 'bytes'), member('.wh.pipe')],
    ]);
    const first = await imported(image);
    const second = await imported(image);

    expect(image.source.opened).toHaveLength(2);
    expect(second.layers.map((layer) => layer.reused)).toEqual([true, true]);
    expect(second.newObjects).toBe(0);
    expect([...walkTree(second.tree)]).toEqual([...walkTree(first.tree)]);
    expect(lookupPath(second.tree, 'usr/second')?.node).toBe(lookupPath(second.tree, 'usr/ping')?.node);
  });

  test('fetches a layer again when it lost an object', async () => {
    const image = await testImage([[member('a', { bytes: randomBytes(1000) })]]);
    const { tree } = await imported(image);
    const node = lookupPath(tree, 'a')?.node;
    const object =
      node?.kind === 'regular' && node.content.kind === 'object' ? node.content.digest : undefined;
    await (await import('node:fs/promises')).rm(
      repository.objectPath(Buffer.from(object ?? []).toString('hex')),
    );

    const again = await imported(image);

    expect(again.layers.map((layer) => layer.reused)).toEqual([false]);
    expect(again.newObjects).toBe(1);
    expect(await repository.fsck()).toEqual([]);
  });

  test('reads long layers in threads, with the same outcome as short ones here', async () => {
    const long = (seed: number): readonly TarInput[] => [
      member(`long/${seed}`, { bytes: Buffer.alloc(2_500_000, `some text ${seed}, `) }),
      member(`short/${seed}`, { bytes: randomBytes(70_000) }),
    ];
    const image = await testImage([long(1), [file('between', 'x'.repeat(100))], long(2), long(3)]);
    const { tree, layers, newObjects } = await imported(image);
    expect([layers.map(({ entries }) => entries), newObjects]).toEqual([[2, 1, 2, 2], 7]);
    expect((await imported(image)).layers.every((layer) => layer.reused)).toBe(true);
    expect([...walkTree((await imported(image)).tree)]).toEqual([...walkTree(tree)]);
    expect(await repository.fsck()).toEqual([]);
  });

  test.each([0, 2_500_000])('names the entry it refuses, after %d bytes', async (before) => {
    const members = [member('first', { bytes: Buffer.alloc(before) }), file('a/../../etc/shadow', 'x')];
    const image = await testImage([[file('below', '1')], members]);
    await expect(imported(image)).rejects.toMatchObject({
      code: 'LAYER_ENTRY_REFUSED',
      details: { entry: 'a/../../etc/shadow' },
    });
    expect(repository.listStreams().filter((name) => name.startsWith('oci-layer-'))).toHaveLength(1);
  });

  test.each([0, 2_500_000])('notices a damaged blob, after %d bytes', async (before) => {
    const image = await testImage([[member('first', { bytes: Buffer.alloc(before) })]]);
    const [layer] = image.resolved.manifest.layers;
    const config = { ...image.resolved.config, diffIds: [`sha256:${'0'.repeat(64)}` as Digest] };
    expect(layer).toBeDefined();
    const lying = { ...image, resolved: { ...image.resolved, config } };
    await expect(imported(lying)).rejects.toMatchObject({ code: 'OCI_DIGEST_MISMATCH' });
  });

  test('stops when told to', async () => {
    const image = await testImage([[member('long', { bytes: Buffer.alloc(3_000_000) })]]);
    const stop = new AbortController();
    stop.abort();
    const options = { cacheDir: `${dir.path}/cache`, signal: stop.signal };
    await expect(importImage(repository, image.source, image.resolved, options)).rejects.toBe(
      stop.signal.reason,
    );
  });

  test('reads no more entries than there may be', async () => {
    const endless = readLayer(
      repository.objects,
      writeTar(Array.from({ length: 11 }, () => file('f', 'x'))),
      'layer',
      {
        entryLimit: 10,
      },
    );
    await expect(endless).rejects.toThrow(/more than 10 entries/);
  });

  test('makes an image that boots', async () => {
    const image = await testImage([
      [member('usr/'), member('boot/'), file('boot/gone', 'x'), member('sysroot/')],
    ]);
    const { id, erofsSizeBytes } = await createBootImage(repository, await imported(image));
    expect(repository.listImages()).toEqual([id]);
    expect(repository.readImage(id)).toHaveLength(erofsSizeBytes);
  });
});
