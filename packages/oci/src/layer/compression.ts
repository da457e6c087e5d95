import { SlipwayError } from '@slipway/core';
import { isSkippableMagic } from './zstd-frames.ts';

/** How the bytes of a layer are packed. */
export type Compression = 'none' | 'gzip' | 'zstd';

/** How a layer can be written: packed, or packed so that its files can be fetched one by one. */
export type LayerFormat = Compression | 'zstd:chunked';

/** Media types of layers (image-spec layer.md; Docker's schema 2), by what they say of the packing. */
const LAYER_TYPES: ReadonlyMap<string, Compression> = new Map([
  ['application/vnd.oci.image.layer.v1.tar', 'none'],
  ['application/vnd.oci.image.layer.v1.tar+gzip', 'gzip'],
  ['application/vnd.oci.image.layer.v1.tar+zstd', 'zstd'],
  ['application/vnd.oci.image.layer.nondistributable.v1.tar', 'none'],
  ['application/vnd.oci.image.layer.nondistributable.v1.tar+gzip', 'gzip'],
  ['application/vnd.oci.image.layer.nondistributable.v1.tar+zstd', 'zstd'],
  ['application/vnd.docker.image.rootfs.diff.tar', 'none'],
  ['application/vnd.docker.image.rootfs.diff.tar.gzip', 'gzip'],
  ['application/vnd.docker.image.rootfs.diff.tar.zstd', 'zstd'],
  ['application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', 'gzip'],
]);

/** Media type of a layer packed so; zstd:chunked is zstd to whoever does not know it. */
export function layerMediaType(format: LayerFormat): string {
  const suffix = format === 'none' ? '' : format === 'zstd:chunked' ? '+zstd' : `+${format}`;
  return `application/vnd.oci.image.layer.v1.tar${suffix}`;
}

/**
 * What a layer's media type says of its packing.
 *
 * @throws SlipwayError OCI_MANIFEST_INVALID when the type is not a layer of a file system
 */
export function declaredCompression(mediaType: string): Compression {
  const compression = LAYER_TYPES.get(mediaType);
  if (compression === undefined) {
    throw new SlipwayError(
      'OCI_MANIFEST_INVALID',
      `cannot unpack a layer of the type ${JSON.stringify(mediaType.slice(0, 200))}`,
      { hint: 'the image is an artefact of another kind, or uses a compression other than gzip and zstd' },
    );
  }
  return compression;
}

/**
 * The packing by the first bytes (four are enough). No tar begins like this: a name would have to hold
 * control bytes.
 */
export function detectCompression(start: Uint8Array): Compression {
  const [a, b, c, d] = start;
  if (a === undefined || b === undefined || c === undefined) return 'none';
  if (a === 0x1f && b === 0x8b) return 'gzip';
  if (d === undefined) return 'none';
  if (a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd) return 'zstd';
  return isSkippableMagic(a + b * 0x100 + c * 0x1_0000 + d * 0x100_0000) ? 'zstd' : 'none';
}
