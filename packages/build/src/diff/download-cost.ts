import { type DirectoryNode, type FoundDelta, listDeltas, walkTree } from '@slipway/composefs';
import { isSlipwayError, type OperationOptions, operation } from '@slipway/core';
import type { Descriptor, Reference, ResolvedImage } from '@slipway/oci';
import { contentKey } from '../flat-image/body-spool.ts';
import type { FlatImage } from '../flat-image/flatten-image.ts';
import type { ContentIntake } from './content-intake.ts';

/** What a host that has the first image fetches to have the second. */
export interface DownloadCost {
  /** Whole layers, and the configuration: podman, docker, bootc, skopeo. */
  readonly layersBytes: number;
  /** New files compressed one by one: what zstd:chunked layers come to, without their tables of contents. */
  readonly filesBytes: number;
  /** The shortest delta beside the second image that starts from the first, and layers it does not make; undefined without one. */
  readonly deltaBytes: number | undefined;
}

/** Counts what each way costs. */
export async function downloadCost(
  from: FlatImage,
  to: FlatImage,
  toReference: Reference,
  contents: ContentIntake,
  options: OperationOptions,
): Promise<DownloadCost> {
  const missing = missingBlobs(from.image, to.image);
  return {
    layersBytes: missing.reduce((sum, { size }) => sum + size, 0),
    filesBytes: newFileBytes(to.tree, contents),
    deltaBytes: await shortestDeltaBytes(from.image, to.image, toReference, options),
  };
}

/** Blobs of the second image the first does not have, each once. */
function missingBlobs(from: ResolvedImage, to: ResolvedImage): readonly Descriptor[] {
  const had = new Set([from.manifest.config, ...from.manifest.layers].map(({ digest }) => digest));
  const blobs = [to.manifest.config, ...to.manifest.layers].filter(({ digest }) => !had.has(digest));
  return [...new Map(blobs.map((blob) => [blob.digest, blob])).values()];
}

function newFileBytes(tree: DirectoryNode, contents: ContentIntake): number {
  const counted = new Set<string>();
  let bytes = 0;
  for (const { node } of walkTree(tree)) {
    if (node.kind !== 'regular') continue;
    const key = contentKey(node.content);
    if (!counted.has(key)) bytes += contents.costBytes(node.content);
    counted.add(key);
  }
  return bytes;
}

async function shortestDeltaBytes(
  from: ResolvedImage,
  to: ResolvedImage,
  toReference: Reference,
  options: OperationOptions,
): Promise<number | undefined> {
  const costs = (await deltasBeside(to, toReference, options))
    .filter(
      ({ origin }) =>
        origin.manifestDigest === from.manifestDigest || origin.configDigest === from.manifest.config.digest,
    )
    .map((delta) => costWith(delta, from, to));
  return costs.length === 0 ? undefined : Math.min(...costs);
}

/** A place that cannot say what is beside an image has no deltas. */
async function deltasBeside(
  image: ResolvedImage,
  reference: Reference,
  options: OperationOptions,
): Promise<readonly FoundDelta[]> {
  try {
    return await listDeltas(reference, image, options);
  } catch (cause) {
    operation(options).signal.throwIfAborted();
    if (!isSlipwayError(cause)) throw cause;
    operation(options).log.debug('cannot look for deltas', { reason: cause.message });
    return [];
  }
}

function costWith(delta: FoundDelta, from: ResolvedImage, to: ResolvedImage): number {
  const missing = new Set(missingBlobs(from, to).map(({ digest }) => digest));
  const config = missing.has(to.manifest.config.digest) ? to.manifest.config.size : 0;
  return to.manifest.layers.reduce((sum, layer, index) => {
    const diffId = to.config.diffIds[index];
    const replaced = diffId === undefined ? undefined : delta.layers.get(diffId);
    return missing.has(layer.digest) ? sum + (replaced ?? layer).size : sum;
  }, config);
}
