import type { ByteStream, OperationOptions } from '@slipway/core';
import type { Descriptor, Digest } from './image.ts';

/** Options of {@link ImageTarget.putManifest}. */
export interface PutManifestOptions extends OperationOptions {
  /** One manifest of an index that is put after it: the image is whole only then. Default: false. */
  readonly isPart?: boolean;
}

/** Somewhere images are written to. Contract of every transport. */
export interface ImageTarget extends AsyncDisposable {
  /** For messages: the reference as a user would type it. */
  readonly name: string;
  /** Whether the blob is there already, whole. */
  hasBlob(descriptor: Descriptor, options?: OperationOptions): Promise<boolean>;
  /**
   * Stores a blob. The bytes are verified on the way and seen by nobody before they are whole.
   *
   * @param open gives the bytes from their start; called again when the transfer has to be repeated
   * @throws SlipwayError OCI_DIGEST_MISMATCH when they are not what the descriptor names
   */
  putBlob(descriptor: Descriptor, open: () => ByteStream, options?: OperationOptions): Promise<void>;
  /**
   * Stores a manifest or index whose blobs are all there. A place that holds one image is complete with it, and takes no more.
   *
   * @param tag the name it gets; undefined: reachable by digest only
   */
  putManifest(
    bytes: Uint8Array,
    mediaType: string,
    tag: string | undefined,
    options?: PutManifestOptions,
  ): Promise<Digest>;
}
