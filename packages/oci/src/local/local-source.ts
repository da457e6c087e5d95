import { type ByteStream, collectBytes, type OperationOptions, SlipwayError } from '@slipway/core';
import { checkHashed, DigestHasher, digestAlgorithm, verifyStream } from '../digest.ts';
import type {
  Descriptor,
  Digest,
  ImageDocument,
  OpenBlobOptions,
  ResolvedImage,
  Transport,
  WholeImageSource,
} from '../image.ts';
import { documentMediaType, MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES } from '../manifest.ts';
import { type DocumentReader, resolveImage } from '../resolve.ts';

/** A blob that is open for reading. */
export interface LocalBlob extends AsyncDisposable {
  readonly sizeBytes: number;
  /** The bytes from an offset on; may be called more than once. */
  read(startBytes: number, options: OpenBlobOptions): ByteStream;
}

/** Blobs on this machine: a directory or an archive of some layout. Nothing it gives is trusted before it is hashed. */
export interface LocalStore extends AsyncDisposable {
  /** `oci:/srv/images`: names the whole of it in errors. */
  readonly name: string;
  /** What to do when its bytes are not what they should be. */
  readonly damagedHint: string;
  /**
   * The manifest or index the reference names.
   *
   * @param architecture tells entries of one name apart; undefined: they must not differ
   */
  top(architecture: string | undefined): Promise<{ readonly digest: Digest; readonly size?: number }>;
  /**
   * Opens a blob, a manifest or an index.
   *
   * @param hint what to do when it is not there
   * @throws SlipwayError OCI_NOT_FOUND
   */
  open(digest: Digest, hint?: string): Promise<LocalBlob>;
}

/** Reads images from blobs on this machine. Nothing is opened before it is asked for. */
export class LocalSource implements WholeImageSource {
  readonly transport: Transport;
  readonly name: string;
  readonly #store: LocalStore;

  constructor(transport: Transport, name: string, store: LocalStore) {
    this.transport = transport;
    this.name = name;
    this.#store = store;
  }

  async resolve(architecture: string, options: OperationOptions = {}): Promise<ResolvedImage> {
    options.signal?.throwIfAborted();
    const reader: DocumentReader = {
      name: this.name,
      top: () => this.#top(architecture),
      manifest: (descriptor) => this.#document(descriptor, MAX_MANIFEST_BYTES),
      config: (descriptor) => this.#document(descriptor, MAX_CONFIG_BYTES),
    };
    return await resolveImage(reader, architecture);
  }

  async resolveDigest(): Promise<Digest> {
    return (await this.#store.top(undefined)).digest;
  }

  async readDocument(digest?: Digest, options: OperationOptions = {}): Promise<ImageDocument> {
    options.signal?.throwIfAborted();
    const found =
      digest === undefined
        ? await this.#top(undefined)
        : { bytes: await this.#byDigest(digest, this.#store.damagedHint), digest };
    return { ...found, mediaType: await documentMediaType(found.bytes, this.name) };
  }

  async *openBlob(
    descriptor: Descriptor,
    offsetBytes = 0,
    options: OpenBlobOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const stream = this.#readBlob(descriptor, offsetBytes, options);
    if (offsetBytes > 0) yield* stream;
    else yield* verifyStream(stream, descriptor.digest, descriptor.size, this.#blobName(descriptor.digest));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store[Symbol.asyncDispose]();
  }

  async *#readBlob(descriptor: Descriptor, start: number, options: OpenBlobOptions): ByteStream {
    await using blob = await this.#store.open(descriptor.digest);
    if (blob.sizeBytes !== descriptor.size) {
      throw new SlipwayError(
        'OCI_DIGEST_MISMATCH',
        `cannot use ${this.#blobName(descriptor.digest)}: it has ${blob.sizeBytes} bytes, not the ${descriptor.size} its descriptor promises`,
        { hint: this.#store.damagedHint },
      );
    }
    if (start < blob.sizeBytes) yield* blob.read(start, options);
  }

  async #top(
    architecture: string | undefined,
  ): Promise<{ readonly bytes: Uint8Array; readonly digest: Digest }> {
    const { digest, size } = await this.#store.top(architecture);
    const bytes =
      size === undefined
        ? await this.#byDigest(digest, 'check the digest: slipway inspect shows that of a tag')
        : await this.#document({ mediaType: '', digest, size }, MAX_MANIFEST_BYTES);
    return { bytes, digest };
  }

  /** A digest on its own says nothing of the size. */
  async #byDigest(digest: Digest, hint: string): Promise<Uint8Array> {
    await using blob = await this.#store.open(digest, hint);
    if (blob.sizeBytes > MAX_MANIFEST_BYTES) throw this.#tooLarge(digest, MAX_MANIFEST_BYTES);
    const bytes = await collectBytes(blob.read(0, {}), MAX_MANIFEST_BYTES, () =>
      this.#tooLarge(digest, MAX_MANIFEST_BYTES),
    );
    const hasher = new DigestHasher(digestAlgorithm(digest));
    hasher.update(bytes);
    checkHashed(hasher, digest, undefined, this.#blobName(digest));
    return bytes;
  }

  async #document(descriptor: Descriptor, limitBytes: number): Promise<Uint8Array> {
    const { digest } = descriptor;
    return await collectBytes(this.openBlob(descriptor), limitBytes, () =>
      this.#tooLarge(digest, limitBytes),
    );
  }

  #tooLarge(digest: Digest, limitBytes: number): SlipwayError {
    return new SlipwayError(
      'OCI_MANIFEST_INVALID',
      `cannot use ${this.#blobName(digest)}: it is larger than ${limitBytes} bytes`,
    );
  }

  #blobName(digest: Digest): string {
    return `the blob ${digest} of ${this.#store.name}`;
  }
}
