/** What an image is that this host does not have: what an upgrade to it would fetch, and whether it may be used at all. */
import { openRepository } from '@slipway/composefs';
import type { OperationOptions } from '@slipway/core';
import { checkPolicy, type Reference, type ResolvedImage } from '@slipway/oci';
import { type LayerSpace, missingLayers, spaceForLayers } from './space.ts';
import type { HostSystem } from './system.ts';
import { type ImageTrust, imageTrust } from './trust.ts';

/** The image a host asked for. */
export interface FoundImage {
  readonly manifestDigest: string;
  readonly version: string | undefined;
}

/** One that is new to it. */
export interface AvailableImage extends FoundImage {
  readonly kind: 'available';
  readonly layers: number;
  /** Layers this host does not have, and their bytes as they would cross the network. */
  readonly newLayers: number;
  readonly newBytes: number;
  /** The room they need and have. */
  readonly space: LayerSpace;
  /** What the signature policy says to it: an upgrade to one that is refused would fail. */
  readonly trust: ImageTrust;
}

/**
 * Compares an image with the store of this host, and asks the signature policy about it. Nothing of it is fetched.
 *
 * @param followed the name the policy knows it by
 */
export async function whatIsNew(
  system: HostSystem,
  followed: Reference,
  image: ResolvedImage,
  { signaturePolicy, ...options }: OperationOptions & { readonly signaturePolicy?: string | undefined },
): Promise<AvailableImage> {
  const { manifest, manifestDigest, config } = image;
  const verdict = await checkPolicy(followed, image, { ...options, policyPath: signaturePolicy });
  const newLayers = missingLayers(await openRepository(system.layout.composefs), image);
  return {
    kind: 'available',
    manifestDigest,
    version: config.labels['org.opencontainers.image.version'],
    layers: manifest.layers.length,
    newLayers: newLayers.length,
    newBytes: newLayers.reduce((total, { size }) => total + size, 0),
    space: await spaceForLayers(system.layout.sysroot, newLayers),
    trust: imageTrust(verdict),
  };
}
