/** Room for an update, reckoned before anything of it is fetched. */
import { layerStreamName, type Repository } from '@slipway/composefs';
import type { Descriptor, ResolvedImage } from '@slipway/oci';
import { freeBytesOf } from './failure.ts';

/** What the layers this host does not have weigh, and the room there is for them. */
export interface LayerSpace {
  /** A path on the file system of the object store. */
  readonly fileSystem: string;
  readonly freeBytes: number;
  /** As they would cross the network. */
  readonly packedBytes: number;
  /** Unpacked, files this host has already included; null where an image does not say so of every layer. */
  readonly unpackedBytes: number | null;
}

/** What a kernel needs on the boot partition: 0 where an equal one is there already. */
export interface BootSpace {
  readonly fileSystem: string;
  readonly neededBytes: number;
  readonly freeBytes: number;
}

/** Of a layer, as tools that know write it: bytes of its archive unpacked. */
const UNPACKED_SIZE_ANNOTATION = 'io.containers.estargz.uncompressed-size';
/** Media types of archives that are not compressed. */
const PLAIN_ARCHIVE = /\.tar$/;

/** Layers whose records the store does not have. */
export function missingLayers(
  repository: Repository,
  { manifest, config }: ResolvedImage,
): readonly Descriptor[] {
  const present = new Set(repository.listStreams());
  return manifest.layers.filter(
    (_layer, index) => !present.has(layerStreamName(config.diffIds[index] ?? '')),
  );
}

/**
 * The room layers need and have; one that is in an image twice counts once.
 *
 * @param path on the file system of the object store
 */
export async function spaceForLayers(path: string, layers: readonly Descriptor[]): Promise<LayerSpace> {
  const different = [...new Map(layers.map((layer) => [layer.digest, layer])).values()];
  const unpacked = different.map(unpackedSize);
  return {
    fileSystem: path,
    freeBytes: await freeBytesOf(path),
    packedBytes: sum(different.map(({ size }) => size)),
    unpackedBytes: unpacked.includes(undefined) ? null : sum(unpacked.map((bytes = 0) => bytes)),
  };
}

/** What an image says of itself counts as far as it can be true. */
function unpackedSize({ mediaType, size, annotations = {} }: Descriptor): number | undefined {
  if (PLAIN_ARCHIVE.test(mediaType)) return size;
  const bytes = Number(annotations[UNPACKED_SIZE_ANNOTATION] ?? Number.NaN);
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : undefined;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, bytes) => total + bytes, 0);
}
