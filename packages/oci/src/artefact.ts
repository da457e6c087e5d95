/**
 * Artefacts whose only layer is an archive of files (image-spec, "Guidelines for Artifact Usage"): what `oras push` makes of a tar file. They
 * have no configuration, so what an image says in it is made up here: labels are the annotations of the manifest, and what the layer
 * unpacks to is found by unpacking it.
 */
import { type ByteStream, type OperationOptions, SlipwayError } from '@slipway/core';
import { DigestHasher, digestOf } from './digest.ts';
import type { Digest, ImageConfig, Manifest, ResolvedImage, WholeImageSource } from './image.ts';
import { layerMediaType } from './layer/compression.ts';
import { decompress } from './layer/decompress.ts';
import { MEDIA_TYPES, parseManifest, pickPlatform } from './manifest.ts';

/** Enough to tell file systems and partition tables by. */
const START_BYTES = 2048;
const IMAGE_CONFIGS: ReadonlySet<string> = new Set([MEDIA_TYPES.config, MEDIA_TYPES.dockerConfig]);

/**
 * Resolves a reference to an image, or to an artefact of one layer. Of an artefact `config.diffIds` is empty: nothing of the layer was read
 * yet, see {@link readLayerIds}.
 *
 * @param architecture picks from an index; an artefact itself says none, and is taken for one of it
 * @throws SlipwayError OCI_MANIFEST_INVALID for an artefact with more layers or none, and what resolving an image throws
 */
export async function resolveFiles(
  source: WholeImageSource,
  architecture: string,
  options: OperationOptions = {},
): Promise<ResolvedImage> {
  const top = await source.readDocument(undefined, options);
  const first = await parseManifest(top.bytes, source.name);
  const isIndex = first.kind === 'index';
  const document = isIndex
    ? await source.readDocument(pickPlatform(first.manifests, architecture, source.name).digest, options)
    : top;
  const parsed = isIndex ? await parseManifest(document.bytes, source.name) : first;
  if (parsed.kind === 'index' || IMAGE_CONFIGS.has(parsed.manifest.config.mediaType)) {
    return await source.resolve(architecture, options);
  }
  const { manifest } = parsed;
  if (manifest.layers.length !== 1) {
    throw invalid(
      source.name,
      `it is an artefact of ${manifest.layers.length} layers`,
      'an artefact of files has one: a tar archive, plain or packed by gzip or zstd',
    );
  }
  const { bytes, digest } = document;
  return artefactOf({ referenceDigest: top.digest, manifestDigest: digest, manifestBytes: bytes }, manifest, {
    architecture,
    diffIds: [],
  });
}

/**
 * The same with what its layer unpacks to. Reads all of it, and keeps nothing.
 *
 * @returns an image as it was given
 * @throws SlipwayError OCI_MANIFEST_INVALID when the layer is the image of a disk, OCI_COMPRESSION_INVALID, and what the source throws
 */
export async function readLayerIds(
  source: WholeImageSource,
  image: ResolvedImage,
  options: OperationOptions = {},
): Promise<ResolvedImage> {
  const [layer] = image.manifest.layers;
  if (layer === undefined || image.config.diffIds.length > 0) return image;
  const what = `the layer of ${source.name}`;
  const diffId = await hashFiles(decompress(source.openBlob(layer, 0, options), { what }), source.name);
  const { architecture } = image.config;
  return artefactOf(image, image.manifest, { architecture, diffIds: [diffId] });
}

/** With a configuration of its own: the empty one of all artefacts would name the layers of any. */
function artefactOf(
  documents: Pick<ResolvedImage, 'referenceDigest' | 'manifestDigest' | 'manifestBytes'>,
  manifest: Manifest,
  { architecture, diffIds }: Pick<ImageConfig, 'architecture' | 'diffIds'>,
): ResolvedImage {
  const { referenceDigest, manifestDigest, manifestBytes } = documents;
  const labels = manifest.annotations;
  const rootfs = { type: 'layers', diff_ids: diffIds };
  const configBytes = Buffer.from(
    JSON.stringify({ architecture, os: 'linux', config: { Labels: labels }, rootfs }),
  );
  const config = { mediaType: MEDIA_TYPES.config, digest: digestOf(configBytes), size: configBytes.length };
  // What the bytes are they say themselves; artefacts have names of their own for them.
  const layers = manifest.layers.map((layer) => ({ ...layer, mediaType: layerMediaType('none') }));
  return {
    referenceDigest,
    manifestDigest,
    manifestBytes,
    manifest: { ...manifest, config, layers },
    configBytes,
    config: { architecture, os: 'linux', created: undefined, labels, diffIds },
  };
}

async function hashFiles(archive: ByteStream, name: string): Promise<Digest> {
  const hasher = new DigestHasher();
  let start = Buffer.alloc(0);
  let isChecked = false;
  for await (const chunk of archive) {
    hasher.update(chunk);
    if (isChecked) continue;
    start = Buffer.concat([start, chunk]);
    isChecked = start.length >= START_BYTES;
    if (isChecked) refuseDiskImage(start, name);
  }
  return hasher.digest();
}

function refuseDiskImage(start: Buffer, name: string): void {
  const found = DISK_IMAGES.find(({ magic, offset }) =>
    start.subarray(offset, offset + magic.length).equals(magic),
  );
  if (found === undefined) return;
  throw invalid(
    name,
    `its layer is ${found.what}`,
    'push the files as a tar archive, or as a container image',
  );
}

const DISK_IMAGES: readonly { readonly what: string; readonly offset: number; readonly magic: Buffer }[] = [
  { what: 'a squashfs image', offset: 0, magic: Buffer.from('hsqs') },
  { what: 'an image of a partitioned disk', offset: 512, magic: Buffer.from('EFI PART') },
  { what: 'an EROFS image', offset: 1024, magic: Buffer.from([0xe2, 0xe1, 0xf5, 0xe0]) },
  { what: 'an ext4 image', offset: 1080, magic: Buffer.from([0x53, 0xef]) },
];

function invalid(name: string, problem: string, hint: string): SlipwayError {
  return new SlipwayError('OCI_MANIFEST_INVALID', `cannot use the files of ${name}: ${problem}`, { hint });
}
