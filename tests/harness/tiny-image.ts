/**
 * Images small enough to make one for each case of a test: a few hundred files, and bytes that only look like a kernel, an initramfs
 * and a boot loader. Everything before the first instruction of the boot loader is as real as with a large one.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Compression,
  digestOf,
  MEDIA_TYPES,
  openLayoutWriter,
  type TarInput,
  writeLayer,
  writeTar,
} from '@slipway/oci';
import { bytesOf, member, noise } from '../../packages/oci/src/testing/small-image.ts';

export { member } from '../../packages/oci/src/testing/small-image.ts';

/** How an image differs from one that boots. */
export interface TinyImage {
  /** Default `tiny`. */
  readonly tag?: string;
  /** As Go writes it; default `amd64`. Says what the configuration says: the boot loader is the one for amd64. */
  readonly architecture?: string;
  /** Names the image in an index of several platforms instead of a manifest. */
  readonly asIndex?: boolean;
  /** Paths left out, with everything below them. */
  readonly without?: readonly string[];
  /** Default zstd. */
  readonly compression?: Compression;
  /** One more layer on top. */
  readonly extra?: readonly TarInput[];
}

/** Where the kernel of a tiny image is. */
export const TINY_MODULES = 'usr/lib/modules/6.12.0-tiny';

const CREATED = '2025-01-02T03:04:05Z';

/** Writes an image into a layout, made where there is none, and answers with the reference of it. */
export async function writeTinyImage(layoutDirectory: string, image: TinyImage = {}): Promise<string> {
  const { tag = 'tiny', architecture = 'amd64', asIndex = false, without = [], extra } = image;
  const compression = image.compression ?? 'zstd';
  await using layout = await openLayoutWriter(layoutDirectory);
  const isLeftOut = ({ path }: TarInput): boolean =>
    without.some((prefix) => path === prefix || path.startsWith(`${prefix}/`));
  const layers = [
    await writeLayer(layout, writeTar(tinySystem().filter((each) => !isLeftOut(each))), { compression }),
    await writeLayer(layout, writeTar(tinyApplication().filter((each) => !isLeftOut(each))), { compression }),
    ...(extra === undefined ? [] : [await writeLayer(layout, writeTar(extra), { compression })]),
  ];
  const config = Buffer.from(
    JSON.stringify({
      created: CREATED,
      architecture,
      os: 'linux',
      config: { Labels: { 'containers.bootc': '1', 'org.opencontainers.image.version': '1' } },
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    }),
  );
  const configDescriptor = { mediaType: MEDIA_TYPES.config, digest: digestOf(config), size: config.length };
  await layout.putBlob(configDescriptor, () => bytesOf(config));
  const manifest = json({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    config: configDescriptor,
    layers: layers.map(({ descriptor }) => descriptor),
  });
  const digest = await layout.putManifest(manifest, MEDIA_TYPES.manifest, asIndex ? undefined : tag);
  if (asIndex) {
    const platform = { architecture, os: 'linux' };
    const entry = { mediaType: MEDIA_TYPES.manifest, digest, size: manifest.length, platform };
    const index = json({ schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests: [entry] });
    await layout.putManifest(index, MEDIA_TYPES.index, tag);
  }
  return `oci:${layoutDirectory}:${tag}`;
}

/** Harms the only image of a layout: turns bits of a byte near the end of a part around, or cuts the part short. Answers with its digest. */
export async function damageTinyLayout(
  layoutDirectory: string,
  part: 'manifest' | 'config' | 'layer',
  harm: 'flip' | 'cut',
): Promise<string> {
  const digests = await tinyDigests(layoutDirectory);
  const digest = digests[part];
  const path = join(layoutDirectory, 'blobs', digest.replace(':', '/'));
  const bytes = await readFile(path);
  const at = bytes.length - 30;
  if (harm === 'flip') bytes.writeUInt8(bytes.readUInt8(at) ^ 0xff, at);
  await writeFile(path, harm === 'flip' ? bytes : bytes.subarray(0, at));
  return digest;
}

/** Digests of the parts of the only image of a layout; of its layers, the last. */
export async function tinyDigests(
  layoutDirectory: string,
): Promise<{ readonly manifest: string; readonly config: string; readonly layer: string }> {
  const read = async (path: string): Promise<ManifestJson> =>
    JSON.parse(await readFile(join(layoutDirectory, path), 'utf8')) as ManifestJson;
  const manifest = (await read('index.json')).manifests?.at(-1)?.digest ?? '';
  const { config, layers } = await read(`blobs/${manifest.replace(':', '/')}`);
  return { manifest, config: config?.digest ?? '', layer: layers?.at(-1)?.digest ?? '' };
}

interface ManifestJson {
  readonly manifests?: readonly { readonly digest: string }[];
  readonly config?: { readonly digest: string };
  readonly layers?: readonly { readonly digest: string }[];
}

/** What every bootable image has. */
function tinySystem(): readonly TarInput[] {
  return [
    ...['usr', 'boot', 'sysroot', 'run', 'etc', 'var', 'usr/lib', 'usr/lib/modules', TINY_MODULES].map(
      (path) => member({ kind: 'directory', path, mode: 0o755 }),
    ),
    member({ path: `${TINY_MODULES}/vmlinuz` }, noise(1, 200_000)),
    member({ path: `${TINY_MODULES}/initramfs.img` }, noise(2, 299_998)),
    member({ path: 'usr/lib/systemd/boot/efi/systemd-bootx64.efi' }, noise(3, 100_000)),
    member({ path: 'usr/lib/os-release' }, Buffer.from('NAME="Tiny"\nPRETTY_NAME="Tiny Linux 1"\n')),
    member({ kind: 'symlink', path: 'etc/os-release', linkTarget: '../usr/lib/os-release', mode: 0o777 }),
    member(
      { path: 'usr/lib/bootc/kargs.d/10-tiny.toml' },
      Buffer.from('kargs = ["quiet", "console=ttyS0"]\n'),
    ),
    member({ path: 'etc/hostname' }, Buffer.from('tiny\n')),
    member({ path: 'var/lib/counter' }, Buffer.from('0\n')),
  ];
}

/** Enough files of every kind and size for directories, extents and hard links to matter. */
function tinyApplication(): readonly TarInput[] {
  const files = Array.from({ length: 300 }, (_, index) =>
    member(
      { path: `usr/share/tiny/${index % 20}/file-${index}`, mode: index % 7 === 0 ? 0o755 : 0o644 },
      noise(100 + index, (index * index) % 20_000),
    ),
  );
  return [
    ...files,
    member({ path: 'usr/bin/tiny', mode: 0o4755 }, noise(4, 70_000)),
    member({ kind: 'hardlink', path: 'usr/bin/little', linkTarget: 'usr/bin/tiny' }),
    member({ kind: 'symlink', path: 'usr/bin/small', linkTarget: 'tiny', mode: 0o777 }),
    member({ kind: 'character-device', path: 'usr/lib/null', deviceMajor: 1, deviceMinor: 3 }),
    member({ kind: 'fifo', path: 'usr/lib/fifo' }),
    member(
      { path: 'usr/bin/ping', xattrs: new Map([['security.capability', CAP_NET_RAW]]) },
      Buffer.from('ping'),
    ),
  ];
}

/** `cap_net_raw=ep` as the kernel keeps it (vfs_cap_data, revision 2). */
const CAP_NET_RAW = Buffer.from('0100000200200000000000000000000000000000', 'hex');

function json(document: unknown): Buffer {
  return Buffer.from(JSON.stringify(document));
}
