import { join } from 'node:path';
import { makeTempDir, operation } from '@slipway/core';
import {
  type Compression,
  type LayoutReference,
  layoutSource,
  MEDIA_TYPES,
  openLayoutWriter,
  writeLayer,
} from '@slipway/oci';
import { describe, expect, test } from 'vitest';
import { repackImage } from './repack.ts';

/** Archives only have to be bytes here. */
const SYSTEM = Buffer.alloc(40_000, 'system');
const APPLICATION = Buffer.alloc(9_000, 'application');

function layout(path: string, tag: string): LayoutReference {
  return { kind: 'oci', path, tag, digest: undefined };
}

async function makeImage(
  reference: LayoutReference,
  archives: readonly Buffer[],
  compression: Compression,
): Promise<void> {
  await using writer = await openLayoutWriter(reference.path);
  const layers = [];
  for (const archive of archives) layers.push(await writeLayer(writer, stream(archive), { compression }));
  const config = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: { Labels: { 'containers.bootc': '1' } },
      rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
    }),
  );
  const { digest, size } = await writer.writeBlob(stream(config));
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    config: { mediaType: MEDIA_TYPES.config, digest, size },
    layers: layers.map((layer) => layer.descriptor),
  };
  await writer.putManifest(Buffer.from(JSON.stringify(manifest)), MEDIA_TYPES.manifest, reference.tag);
}

async function* stream(bytes: Buffer): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}

describe('an image taken out of a builder', () => {
  test.each(['none', 'gzip'] as const)(
    'keeps the blobs of its base when the builder packs with %s',
    async (packing) => {
      await using directory = await makeTempDir('repack');
      const base = layout(join(directory.path, 'base'), 'base');
      const raw = layout(join(directory.path, 'raw'), 'image');
      const output = layout(join(directory.path, 'out'), 'v1');
      await makeImage(base, [SYSTEM], 'zstd');
      await makeImage(raw, [SYSTEM, APPLICATION], packing);
      const work = operation();
      const before = await layoutSource(base).resolve('amd64');
      const built = await layoutSource(raw).resolve('amd64');

      const repacked = await repackImage(
        { raw: { reference: raw, bases: [base] }, output, architecture: 'amd64' },
        work,
      );

      const image = await layoutSource(output).resolve('amd64');
      expect(image.manifestDigest).toBe(repacked.digest);
      expect(Buffer.from(image.configBytes).equals(built.configBytes)).toBe(true);
      expect(image.manifest.layers[0]).toEqual(before.manifest.layers[0]);
      expect(repacked.layers.map((layer) => layer.shared)).toEqual([true, false]);
      expect(repacked.sharedBytes).toBe(before.manifest.layers[0]?.size);
    },
  );

  test('is the same again when it is built again', async () => {
    await using directory = await makeTempDir('repack');
    const raw = layout(join(directory.path, 'raw'), 'image');
    const output = layout(join(directory.path, 'out'), 'v1');
    await makeImage(raw, [SYSTEM, APPLICATION], 'none');
    const request = { raw: { reference: raw, bases: [] }, output, architecture: 'amd64' };

    const first = await repackImage(request, operation());
    const second = await repackImage(request, operation());

    expect(second.digest).toBe(first.digest);
    expect(second.layers.every((layer) => layer.shared)).toBe(true);
  });
});
