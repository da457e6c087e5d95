import { type ByteStream, type OperationOptions, SlipwayError } from '@slipway/core';
import { DigestHasher, digestHex, digestOf, verifyStream } from '../digest.ts';
import type { Descriptor, Digest } from '../image.ts';
import { declaredCompression } from '../layer/compression.ts';
import { decompress } from '../layer/decompress.ts';
import { MEDIA_TYPES, parseManifest } from '../manifest.ts';
import type { ArchiveReference } from '../reference.ts';
import type { ImageTarget, PutManifestOptions } from '../target.ts';
import { ArchiveWriter } from './archive-writer.ts';

/**
 * Writes one image the way `docker save` does, for `docker load` and `podman load`: layers plain, so that nothing keeps the
 * digest of the manifest. A file that is there is replaced when the manifest has come, and stays when it does not.
 */
export async function dockerArchiveTarget(reference: ArchiveReference): Promise<ImageTarget> {
  return new DockerArchiveTarget(reference.path, await ArchiveWriter.create(reference.path));
}

const CONFIG_TYPES: ReadonlySet<string> = new Set([MEDIA_TYPES.config, MEDIA_TYPES.dockerConfig]);

class DockerArchiveTarget implements ImageTarget {
  readonly name: string;
  readonly #writer: ArchiveWriter;
  /** Names in the archive by the digest the manifest has. */
  readonly #names = new Map<Digest, string>();

  constructor(path: string, writer: ArchiveWriter) {
    this.name = `docker-archive:${path}`;
    this.#writer = writer;
  }

  async hasBlob({ digest }: Descriptor): Promise<boolean> {
    return this.#names.has(digest);
  }

  async putBlob(
    { digest, size, mediaType }: Descriptor,
    open: () => ByteStream,
    options: OperationOptions = {},
  ): Promise<void> {
    options.signal?.throwIfAborted();
    const isConfig = CONFIG_TYPES.has(mediaType);
    if (!isConfig) declaredCompression(mediaType);
    const what = `the blob ${digest}`;
    const packed = verifyStream(open(), digest, size, what);
    const plain = new DigestHasher();
    const body = isConfig ? packed : hashed(decompress(packed, { what }), plain);
    const name = await this.#writer.add(body, () => {
      const own = isConfig ? `${digestHex(digest)}.json` : `${digestHex(plain.digest())}.tar`;
      return { name: own, result: own };
    });
    this.#names.set(digest, name);
  }

  async putManifest(
    bytes: Uint8Array,
    _mediaType: string,
    tag: string | undefined,
    options: PutManifestOptions = {},
  ): Promise<Digest> {
    const document = await parseManifest(bytes, this.name);
    if (document.kind === 'index' || options.isPart === true) {
      throw new SlipwayError(
        'OCI_MANIFEST_INVALID',
        `cannot write an index to ${this.name}: it holds one image`,
        {
          hint: 'copy the image of one architecture, or write an oci-archive:',
        },
      );
    }
    const { config, layers } = document.manifest;
    const entry = {
      Config: this.#nameOf(config),
      RepoTags: tag === undefined ? null : [tag],
      Layers: layers.map((layer) => this.#nameOf(layer)),
    };
    await this.#writer.addBytes('manifest.json', Buffer.from(`${JSON.stringify([entry])}\n`));
    await this.#writer.finish();
    return digestOf(bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer[Symbol.asyncDispose]();
  }

  #nameOf({ digest }: Descriptor): string {
    const name = this.#names.get(digest);
    if (name !== undefined) return name;
    throw new SlipwayError('OCI_NOT_FOUND', `cannot finish ${this.name}: the blob ${digest} was not written`);
  }
}

async function* hashed(
  stream: ByteStream,
  hasher: DigestHasher,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of stream) {
    hasher.update(chunk);
    yield chunk;
  }
}
