/** Small images of given layers, for tests. */
import { type DirectoryNode, LayeredTree, type TreeNode, walkTree } from '@slipway/composefs';
import {
  digestOf,
  type LayoutReference,
  layoutSource,
  MEDIA_TYPES,
  openLayer,
  openLayoutWriter,
  readTar,
  type TarInput,
  writeLayer,
  writeTar,
} from '@slipway/oci';

/** A member with everything a test does not care about filled in; a path with a slash at its end is a directory. */
export function member(path: string, fields: Partial<TarInput> = {}): TarInput {
  const kind = path.endsWith('/') ? 'directory' : 'file';
  const nothing = { linkTarget: '', uid: 0, gid: 0, sizeBytes: 0, deviceMajor: 0, deviceMinor: 0 };
  const times = { mtimeSec: 1_700_000_000, mtimeNsec: 0 };
  const mode = kind === 'directory' ? 0o755 : 0o644;
  return { kind, path, mode, ...nothing, ...times, xattrs: new Map(), ...fields };
}

/** A file with a text, bytes as latin1. */
export function file(path: string, text: string, fields: Partial<TarInput> = {}): TarInput {
  const bytes = Buffer.from(text, 'latin1');
  return member(path, { sizeBytes: bytes.length, body: [bytes], ...fields });
}

/** A symlink or hard link. */
export function link(path: string, linkTarget: string, kind: 'symlink' | 'hardlink' = 'symlink'): TarInput {
  return member(path, { kind, linkTarget, mode: 0o777 });
}

/** What a test may say of an image beside its layers. */
export interface ImageDetails {
  readonly labels?: Readonly<Record<string, string>>;
  readonly history?: readonly object[];
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Writes an image into a layout and gives back its reference. */
export async function writeLayeredImage(
  path: string,
  tag: string,
  layers: readonly (readonly TarInput[])[],
  { labels = {}, history, annotations }: ImageDetails = {},
): Promise<LayoutReference> {
  await using layout = await openLayoutWriter(path);
  const written = [];
  for (const members of layers)
    written.push(await writeLayer(layout, writeTar(members), { compression: 'gzip' }));
  const config = Buffer.from(
    JSON.stringify({
      created: '2026-01-02T03:04:05Z',
      architecture: 'amd64',
      os: 'linux',
      config: { Labels: labels, Cmd: ['/sbin/init'] },
      rootfs: { type: 'layers', diff_ids: written.map((layer) => layer.diffId) },
      ...(history === undefined ? {} : { history }),
    }),
  );
  const descriptor = { mediaType: MEDIA_TYPES.config, digest: digestOf(config), size: config.length };
  await layout.putBlob(descriptor, async function* bytes() {
    yield config;
  });
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    config: descriptor,
    layers: written.map((layer) => layer.descriptor),
    annotations,
  };
  await layout.putManifest(Buffer.from(JSON.stringify(manifest)), MEDIA_TYPES.manifest, tag);
  return { kind: 'oci', path, tag, digest: undefined };
}

/** What can be seen of each name of an image: equal for images that mean the same tree. */
export async function treeOf(reference: LayoutReference): Promise<ReadonlyMap<string, object>> {
  const source = layoutSource(reference);
  const image = await source.resolve('amd64');
  const merged = new LayeredTree();
  for (const index of image.manifest.layers.keys()) {
    merged.beginLayer(`layer ${index}`);
    for await (const { body, ...header } of readTar(openLayer(source, image, index, { cacheDir: '' }))) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of body) chunks.push(Buffer.from(chunk));
      const isFile = header.kind === 'file';
      merged.apply({
        header,
        content: isFile ? { kind: 'inline', bytes: Buffer.concat(chunks) } : undefined,
      });
    }
  }
  return listing(merged.finish());
}

function listing(tree: DirectoryNode): ReadonlyMap<string, object> {
  const firstNames = new Map<TreeNode, string>();
  const names = new Map<string, object>();
  for (const { path, node } of walkTree(tree)) {
    const firstName = firstNames.get(node) ?? path;
    firstNames.set(node, firstName);
    const { entries: _entries, ...seen } = { entries: undefined, ...node };
    names.set(path, { ...seen, firstName });
  }
  return names;
}
