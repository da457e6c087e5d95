/** Small images for tests, made by the package itself and checked by other tools. */
import { digestOf } from '../digest.ts';
import type { Descriptor, Digest } from '../image.ts';
import type { Compression } from '../layer/compression.ts';
import { writeLayer } from '../layer/write-layer.ts';
import type { LayoutWriter } from '../layout/writer.ts';
import { MEDIA_TYPES } from '../manifest.ts';
import type { TarHeader } from '../tar/entry.ts';
import { type TarInput, writeTar } from '../tar/writer.ts';

/** A member with the attributes nobody cares about filled in. */
export function member(header: Partial<TarHeader> & { readonly path: string }, body?: Uint8Array): TarInput {
  return {
    kind: 'file',
    linkTarget: '',
    mode: 0o644,
    uid: 0,
    gid: 0,
    sizeBytes: body?.length ?? 0,
    mtimeSec: 1_700_000_000,
    mtimeNsec: 0,
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: new Map(),
    ...header,
    ...(body === undefined ? {} : { body: [body] }),
  };
}

/** An image of two layers. `seed` varies its content, `bulkBytes` is the size of an incompressible file in it. */
export async function writeSmallImage(
  layout: LayoutWriter,
  tag: string,
  options: {
    readonly compression?: Compression;
    readonly seed?: number;
    readonly bulkBytes?: number;
    readonly architecture?: string;
  } = {},
): Promise<Descriptor> {
  const { compression = 'gzip', seed = 1, bulkBytes = 100_000, architecture = 'amd64' } = options;
  const base = await writeLayer(
    layout,
    writeTar([
      member({ kind: 'directory', path: 'etc/', mode: 0o755 }),
      member({ path: 'etc/os-release' }, Buffer.from('NAME=Small\n')),
    ]),
    { compression },
  );
  const top = await writeLayer(layout, writeTar([member({ path: 'bulk' }, noise(seed, bulkBytes))]), {
    compression,
  });
  const config = Buffer.from(
    JSON.stringify({
      created: '2023-11-14T22:13:20Z',
      architecture,
      os: 'linux',
      config: { Labels: { 'containers.bootc': '1', seed: String(seed) } },
      rootfs: { type: 'layers', diff_ids: [base.diffId, top.diffId] },
      history: [{ created: '2023-11-14T22:13:20Z' }, { created: '2023-11-14T22:13:20Z' }],
    }),
  );
  const configDescriptor = { mediaType: MEDIA_TYPES.config, digest: digestOf(config), size: config.length };
  await layout.putBlob(configDescriptor, () => bytesOf(config));
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.manifest,
      config: configDescriptor,
      layers: [base.descriptor, top.descriptor],
    }),
  );
  const digest: Digest = await layout.putManifest(manifest, MEDIA_TYPES.manifest, tag);
  return {
    mediaType: MEDIA_TYPES.manifest,
    digest,
    size: manifest.length,
    platform: { architecture, os: 'linux' },
  };
}

/** Bytes no compressor makes smaller, the same for the same seed (xorshift32). */
export function noise(seed: number, sizeBytes: number): Buffer {
  const words = new Uint32Array(Math.ceil(sizeBytes / 4));
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  for (let index = 0; index < words.length; index += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state >>> 0;
  }
  return Buffer.from(words.buffer, 0, sizeBytes);
}

/** Bytes at hand as a stream. */
export async function* bytesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}

/** A stream as bytes. */
export async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
