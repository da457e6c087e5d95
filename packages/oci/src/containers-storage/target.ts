import { type ByteStream, makeLargeTempDir, type OperationOptions, SlipwayError } from '@slipway/core';
import type { Descriptor, Digest } from '../image.ts';
import { type LayoutWriter, openLayoutWriter } from '../layout/writer.ts';
import { parseManifest } from '../manifest.ts';
import { formatReference, type StorageReference } from '../reference.ts';
import type { ImageTarget, PutManifestOptions } from '../target.ts';
import { skopeoCopy } from './skopeo.ts';

/**
 * Writes an image into the store of podman and buildah: into a layout first, which `skopeo` then brings into the store as a whole.
 * The store keeps layers unpacked, so it has the image under another digest.
 */
export async function storageTarget(reference: StorageReference): Promise<ImageTarget> {
  await using resources = new AsyncDisposableStack();
  const directory = resources.use(await makeLargeTempDir('storage'));
  const layout = resources.use(await openLayoutWriter(directory.path));
  const owned = resources.move();
  return new StorageTarget(formatReference(reference), layout, () => owned.disposeAsync());
}

class StorageTarget implements ImageTarget {
  readonly name: string;
  readonly #layout: LayoutWriter;
  readonly #close: () => Promise<void>;

  constructor(name: string, layout: LayoutWriter, close: () => Promise<void>) {
    this.name = name;
    this.#layout = layout;
    this.#close = close;
  }

  async hasBlob(descriptor: Descriptor): Promise<boolean> {
    return await this.#layout.hasBlob(descriptor);
  }

  async putBlob(
    descriptor: Descriptor,
    open: () => ByteStream,
    options: OperationOptions = {},
  ): Promise<void> {
    await this.#layout.putBlob(descriptor, open, options);
  }

  async putManifest(
    bytes: Uint8Array,
    mediaType: string,
    _tag: string | undefined,
    options: PutManifestOptions = {},
  ): Promise<Digest> {
    const { kind } = await parseManifest(bytes, this.name);
    if (kind === 'index' || options.isPart === true) {
      throw new SlipwayError(
        'OCI_MANIFEST_INVALID',
        `cannot write an index to ${this.name}: it holds one image`,
        {
          hint: 'copy the image of one architecture',
        },
      );
    }
    const digest = await this.#layout.putManifest(bytes, mediaType, 'image');
    const copy = {
      from: `oci:${this.#layout.path}:image`,
      to: this.name,
      describe: `write ${this.name} into the store of podman`,
    };
    await skopeoCopy(copy, options);
    return digest;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }
}
