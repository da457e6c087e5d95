import { describe, expect, test } from 'vitest';
import type { Descriptor, Digest, Manifest } from './image.ts';
import { MEDIA_TYPES, parseImageConfig, parseManifest, pickPlatform } from './manifest.ts';

const DIGEST = `sha256:${'ab'.repeat(32)}` as Digest;
const LAYER = { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: DIGEST, size: 10 };
const CONFIG = { mediaType: MEDIA_TYPES.config, digest: DIGEST, size: 20 };
const MANIFEST = { schemaVersion: 2, mediaType: MEDIA_TYPES.manifest, config: CONFIG, layers: [LAYER] };
const INDEX = { schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests: [LAYER] };

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

describe('parseManifest', () => {
  test('reads a manifest', async () => {
    expect(await parseManifest(json({ ...MANIFEST, annotations: { a: 'b' } }), 'x')).toEqual({
      kind: 'manifest',
      manifest: { mediaType: MEDIA_TYPES.manifest, config: CONFIG, layers: [LAYER], annotations: { a: 'b' } },
    });
  });

  test("reads Docker's schema 2 alike, and manifests that do not say what they are", async () => {
    const docker = { ...MANIFEST, mediaType: MEDIA_TYPES.dockerManifest };
    expect(await parseManifest(json(docker), 'x')).toMatchObject({ kind: 'manifest' });
    expect(await parseManifest(json({ ...INDEX, mediaType: MEDIA_TYPES.dockerIndex }), 'x')).toMatchObject({
      kind: 'index',
    });
    expect(await parseManifest(json({ ...MANIFEST, mediaType: undefined }), 'x')).toMatchObject({
      kind: 'manifest',
    });
    expect(await parseManifest(json({ ...INDEX, mediaType: undefined }), 'x')).toMatchObject({
      kind: 'index',
    });
  });

  test('keeps what an index says of its images', async () => {
    const entry = {
      ...LAYER,
      platform: { architecture: 'arm64', os: 'linux', variant: 'v8' },
      annotations: null,
    };
    const document = await parseManifest(json({ ...INDEX, manifests: [entry] }), 'x');
    expect(document).toEqual({
      kind: 'index',
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: [{ ...LAYER, platform: { architecture: 'arm64', os: 'linux', variant: 'v8' } }],
    });
  });

  test.each<[string, Buffer, RegExp]>([
    ['not JSON', Buffer.from('{'), /not JSON/],
    ['not UTF-8', Buffer.from('"\xff"', 'latin1'), /not JSON/],
    ['not an object', json([1]), /not a JSON object/],
    ['null', json(null), /not a JSON object/],
    ['too large', Buffer.alloc(4 * 2 ** 20 + 1, ' '), /larger than/],
    ['schema 1', json({ schemaVersion: 1 }), /schema 1/],
    ['both things at once', json({ ...MANIFEST, manifests: [] }), /manifests: stands in a document/],
    ['both things at once, as index', json({ ...INDEX, layers: [] }), /layers: stands in a document/],
    ['another kind', json({ ...MANIFEST, mediaType: 'text/plain' }), /neither an image nor an index/],
    [
      'a bad digest',
      json({ ...MANIFEST, config: { ...CONFIG, digest: 'sha256:../..' } }),
      /config.digest: is not a sha256/,
    ],
    ['a negative size', json({ ...MANIFEST, layers: [{ ...LAYER, size: -1 }] }), /layers.0.size/],
    ['a fraction of a byte', json({ ...MANIFEST, layers: [{ ...LAYER, size: 1.5 }] }), /layers.0.size/],
    ['no layers', json({ ...MANIFEST, layers: null }), /layers/],
    ['too many layers', json({ ...MANIFEST, layers: Array.from({ length: 5000 }, () => LAYER) }), /layers/],
  ])('refuses %s', async (_what, bytes, problem) => {
    await expect(parseManifest(bytes, 'r.example/os:v1')).rejects.toMatchObject({
      code: 'OCI_MANIFEST_INVALID',
      message: expect.stringMatching(problem),
    });
    await expect(parseManifest(bytes, 'r.example/os:v1')).rejects.toThrow('cannot use r.example/os:v1');
  });
});

describe('parseImageConfig', () => {
  const manifest: Manifest = {
    mediaType: MEDIA_TYPES.manifest,
    config: CONFIG,
    layers: [LAYER],
    annotations: {},
  };
  const config = { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [DIGEST] } };

  test('reads what is there and fills in what is not', async () => {
    expect(await parseImageConfig(json(config), manifest, 'x')).toEqual({
      architecture: 'amd64',
      os: 'linux',
      created: undefined,
      labels: {},
      diffIds: [DIGEST],
    });
    const full = {
      ...config,
      created: '2024-01-01T00:00:00Z',
      config: { Labels: { a: 'b' }, Cmd: ['/sbin/init'] },
    };
    expect(await parseImageConfig(json(full), manifest, 'x')).toMatchObject({
      created: '2024-01-01T00:00:00Z',
      labels: { a: 'b' },
    });
    expect(
      (await parseImageConfig(json({ ...config, config: { Labels: null } }), manifest, 'x')).labels,
    ).toEqual({});
  });

  test('refuses a configuration of other layers, and artefacts', async () => {
    await expect(
      parseImageConfig(json({ ...config, rootfs: { type: 'layers', diff_ids: [] } }), manifest, 'x'),
    ).rejects.toThrow('its configuration lists 0 layers, its manifest 1');
    const artefact = { ...manifest, config: { ...CONFIG, mediaType: 'application/vnd.oci.empty.v1+json' } };
    await expect(parseImageConfig(json(config), artefact, 'x')).rejects.toThrow(
      'it is not an image but an artefact',
    );
    await expect(parseImageConfig(json({ ...config, architecture: 7 }), manifest, 'x')).rejects.toThrow(
      'architecture',
    );
  });
});

describe('pickPlatform', () => {
  const image = (os: string, architecture: string, variant?: string): Descriptor => ({
    mediaType: MEDIA_TYPES.manifest,
    digest: `sha256:${Buffer.from(`${os}/${architecture}/${variant}`.padEnd(32)).toString('hex')}` as Digest,
    size: 1,
    platform: { os, architecture, ...(variant === undefined ? {} : { variant }) },
  });
  const all = [
    image('windows', 'amd64'),
    image('linux', 'amd64', 'v3'),
    image('linux', 'amd64'),
    image('linux', 'arm64', 'v8'),
    image('linux', 'arm64', 'v9'),
    image('unknown', 'unknown'),
  ];

  test('takes the baseline of the architecture', () => {
    expect(pickPlatform(all, 'amd64', 'x')).toBe(all[2]);
    expect(pickPlatform(all, 'arm64', 'x')).toBe(all[3]);
    expect(pickPlatform(all.slice(0, 2), 'amd64', 'x')).toBe(all[1]);
  });

  test('lists what there is when nothing fits', () => {
    expect(() => pickPlatform(all, 'riscv64', 'r.example/os')).toThrow(
      expect.objectContaining({
        code: 'OCI_PLATFORM_MISSING',
        message: 'cannot find an image for linux/riscv64 in r.example/os',
        hint: 'it has images for: windows/amd64, linux/amd64/v3, linux/amd64, linux/arm64/v8, linux/arm64/v9',
      }),
    );
    expect(() => pickPlatform([], 'amd64', 'x')).toThrow(
      expect.objectContaining({ code: 'OCI_PLATFORM_MISSING' }),
    );
  });

  test('takes the only image when it does not say what it is for', () => {
    const only: Descriptor = { mediaType: MEDIA_TYPES.manifest, digest: DIGEST, size: 1 };
    expect(pickPlatform([only], 'amd64', 'x')).toBe(only);
  });
});
