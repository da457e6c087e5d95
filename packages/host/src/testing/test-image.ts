/** Small bootable images in an OCI layout, for tests. */
import {
  digestOf,
  EMPTY_CONFIG,
  MEDIA_TYPES,
  openLayoutWriter,
  type TarHeader,
  type TarInput,
  writeLayer,
  writeTar,
} from '@slipway/oci';

/** Files of an image: text is a regular file, `{ link }` a symlink, `{ directory }` with its permissions a directory. */
export type ImageFiles = Readonly<
  Record<
    string,
    | string
    | { readonly link: string }
    | { readonly directory: number }
    | { readonly text: string; readonly mode: number; readonly uid?: number }
  >
>;

/** What an image is called and holds beside the files. */
export interface TestImage {
  readonly tag: string;
  readonly version?: string;
  readonly architecture?: string;
  /** Fields of the configuration beside its labels: `Entrypoint`, `Env`, … */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly files: ImageFiles;
}

/** Files that make an image bootable; a test adds its own. */
export const BOOTABLE: ImageFiles = {
  usr: { directory: 0o755 },
  boot: { directory: 0o755 },
  sysroot: { directory: 0o755 },
  run: { directory: 0o755 },
  etc: { directory: 0o755 },
  'usr/lib': { directory: 0o755 },
  'usr/lib/modules': { directory: 0o755 },
  'usr/lib/modules/6.12': { directory: 0o755 },
  'usr/lib/modules/6.12/vmlinuz': 'kernel '.repeat(100),
  'usr/lib/modules/6.12/initramfs.img': 'initramfs '.repeat(100),
  'usr/lib/os-release': 'NAME="Test"\nPRETTY_NAME="Test Linux 1"\n',
};

/** Writes an image of two layers and tags it. Its files belong to whoever runs the test, unless they say otherwise. */
export async function writeTestImage(layoutDirectory: string, image: TestImage): Promise<void> {
  await using layout = await openLayoutWriter(layoutDirectory);
  const names = Object.keys(image.files);
  const lower = names.filter((name) => !name.startsWith('etc/'));
  const upper = names.filter((name) => name.startsWith('etc/'));
  const layers = [
    await writeLayer(layout, writeTar(members(image.files, lower)), { compression: 'gzip' }),
    await writeLayer(layout, writeTar(members(image.files, upper)), { compression: 'gzip' }),
  ];
  const labels = image.version === undefined ? {} : { 'org.opencontainers.image.version': image.version };
  const config = Buffer.from(
    JSON.stringify({
      created: '2023-11-14T22:13:20Z',
      architecture: image.architecture ?? 'amd64',
      os: 'linux',
      config: { ...image.config, Labels: { 'containers.bootc': '1', ...labels } },
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    }),
  );
  const configDescriptor = { mediaType: MEDIA_TYPES.config, digest: digestOf(config), size: config.length };
  await layout.putBlob(configDescriptor, async function* () {
    yield config;
  });
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    config: configDescriptor,
    layers: layers.map(({ descriptor }) => descriptor),
  };
  await layout.putManifest(Buffer.from(JSON.stringify(manifest)), MEDIA_TYPES.manifest, image.tag);
}

/** Writes the files as an artefact of one layer, as `oras push` does, and tags it. */
export async function writeTestArtefact(
  layoutDirectory: string,
  { tag, version, files }: Pick<TestImage, 'tag' | 'version' | 'files'>,
): Promise<void> {
  await using layout = await openLayoutWriter(layoutDirectory);
  const layer = await writeLayer(layout, writeTar(members(files, Object.keys(files))), {
    compression: 'gzip',
  });
  await layout.putBlob(EMPTY_CONFIG.descriptor, async function* () {
    yield EMPTY_CONFIG.bytes;
  });
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    artifactType: 'application/vnd.example.extension',
    config: EMPTY_CONFIG.descriptor,
    layers: [{ ...layer.descriptor, mediaType: 'application/vnd.example.files' }],
    annotations: { 'org.opencontainers.image.version': version },
  };
  await layout.putManifest(Buffer.from(JSON.stringify(manifest)), MEDIA_TYPES.manifest, tag);
}

function* members(files: ImageFiles, names: readonly string[]): Generator<TarInput> {
  for (const path of names) {
    const file = files[path];
    if (file === undefined) continue;
    if (typeof file === 'object' && 'link' in file) {
      yield { ...HEADER, kind: 'symlink', path, linkTarget: file.link, mode: 0o777 };
    } else if (typeof file === 'object' && 'directory' in file) {
      yield { ...HEADER, kind: 'directory', path, mode: file.directory };
    } else {
      const { text, mode, uid } =
        typeof file === 'string' ? { text: file, mode: 0o644, uid: undefined } : file;
      const body = Buffer.from(text);
      const owner = uid === undefined ? {} : { uid };
      yield { ...HEADER, ...owner, path, mode, sizeBytes: body.length, body: [body] };
    }
  }
}

const HEADER: TarHeader = {
  kind: 'file',
  path: '',
  linkTarget: '',
  mode: 0o644,
  uid: process.getuid?.() ?? 0,
  gid: process.getgid?.() ?? 0,
  sizeBytes: 0,
  mtimeSec: 1_700_000_000,
  mtimeNsec: 0,
  deviceMajor: 0,
  deviceMinor: 0,
  xattrs: new Map(),
};
