import type { ByteStream, OperationOptions } from '@slipway/core';
import { digestAlgorithm, digestHex, digestOf, verifyStream } from '../digest.ts';
import type { Descriptor, Digest } from '../image.ts';
import { EMPTY_INDEX, formatLayoutIndex, REF_NAME } from '../layout/layout-files.ts';
import type { ArchiveReference } from '../reference.ts';
import type { ImageTarget, PutManifestOptions } from '../target.ts';
import { ArchiveWriter } from './archive-writer.ts';

/**
 * Writes one image, or an index with its images, into an OCI layout in a tar archive; a file that is there is replaced when
 * the manifest has come, and stays when it does not.
 */
export async function ociArchiveTarget(reference: ArchiveReference): Promise<ImageTarget> {
  return new OciArchiveTarget(reference.path, await ArchiveWriter.create(reference.path));
}

class OciArchiveTarget implements ImageTarget {
  readonly name: string;
  readonly #writer: ArchiveWriter;
  readonly #stored = new Set<Digest>();

  constructor(path: string, writer: ArchiveWriter) {
    this.name = `oci-archive:${path}`;
    this.#writer = writer;
  }

  async hasBlob({ digest }: Descriptor): Promise<boolean> {
    return this.#stored.has(digest);
  }

  async putBlob(
    { digest, size }: Descriptor,
    open: () => ByteStream,
    options: OperationOptions = {},
  ): Promise<void> {
    options.signal?.throwIfAborted();
    const name = `blobs/${digestAlgorithm(digest)}/${digestHex(digest)}`;
    const stream = verifyStream(open(), digest, size, `the blob ${digest}`);
    await this.#writer.add(stream, () => ({ name, result: undefined }));
    this.#stored.add(digest);
  }

  async putManifest(
    bytes: Uint8Array,
    mediaType: string,
    tag: string | undefined,
    options: PutManifestOptions = {},
  ): Promise<Digest> {
    const digest = digestOf(bytes);
    const descriptor: Descriptor = { mediaType, digest, size: bytes.length };
    if (!this.#stored.has(digest)) {
      await this.#writer.addBytes(`blobs/sha256/${digestHex(digest)}`, bytes);
      this.#stored.add(digest);
    }
    if (options.isPart === true) return digest;
    const entry = tag === undefined ? descriptor : { ...descriptor, annotations: { [REF_NAME]: tag } };
    const index = formatLayoutIndex({ ...EMPTY_INDEX, entries: [{ ...entry }] });
    await this.#writer.addBytes('oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}\n'));
    await this.#writer.addBytes('index.json', Buffer.from(index));
    await this.#writer.finish();
    return digest;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer[Symbol.asyncDispose]();
  }
}
