import type { ResolvedImage } from '@slipway/oci';

/** What progress calls a layer. */
export function layerTask(image: ResolvedImage, index: number): string {
  return `layer ${index + 1} of ${image.manifest.layers.length}`;
}
