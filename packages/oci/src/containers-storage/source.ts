import { type ByteStream, makeLargeTempDir, type OperationOptions } from '@slipway/core';
import type {
  Descriptor,
  Digest,
  ImageDocument,
  OpenBlobOptions,
  ResolvedImage,
  WholeImageSource,
} from '../image.ts';
import { layoutSource } from '../layout/source.ts';
import { formatReference, type StorageReference } from '../reference.ts';
import { skopeoCopy } from './skopeo.ts';

/**
 * Reads an image from the store of podman and buildah. It is copied out when it is first asked for, layers unpacked as they lie
 * there, to a directory that is gone when the source is disposed of. The digest is that of the copy: the same each time, and
 * another than the registry has it under.
 *
 * Errors of what is asked: TOOL_MISSING without skopeo, TOOL_FAILED with its words when the store has no such image.
 */
export function storageSource(reference: StorageReference): WholeImageSource {
  return new StorageSource(reference);
}

class StorageSource implements WholeImageSource {
  readonly transport = 'containers-storage';
  readonly name: string;
  readonly #resources = new AsyncDisposableStack();
  #copy: Promise<WholeImageSource> | undefined;

  constructor(reference: StorageReference) {
    this.name = formatReference(reference);
  }

  async resolve(architecture: string, options: OperationOptions = {}): Promise<ResolvedImage> {
    return await (await this.#copied(options)).resolve(architecture, options);
  }

  async resolveDigest(options: OperationOptions = {}): Promise<Digest> {
    return await (await this.#copied(options)).resolveDigest(options);
  }

  async readDocument(digest?: Digest, options: OperationOptions = {}): Promise<ImageDocument> {
    return await (await this.#copied(options)).readDocument(digest, options);
  }

  async *openBlob(descriptor: Descriptor, offsetBytes = 0, options: OpenBlobOptions = {}): ByteStream {
    yield* (await this.#copied(options)).openBlob(descriptor, offsetBytes, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#copy?.catch(() => undefined);
    await this.#resources.disposeAsync();
  }

  #copied(options: OperationOptions): Promise<WholeImageSource> {
    this.#copy ??= this.#copyOut(options);
    return this.#copy;
  }

  async #copyOut(options: OperationOptions): Promise<WholeImageSource> {
    const directory = this.#resources.use(await makeLargeTempDir('storage'));
    const copy = {
      from: this.name,
      to: `oci:${directory.path}:image`,
      describe: `read ${this.name} from the store of podman`,
    };
    await skopeoCopy(copy, options);
    return this.#resources.use(
      layoutSource({ kind: 'oci', path: directory.path, tag: 'image', digest: undefined }),
    );
  }
}
