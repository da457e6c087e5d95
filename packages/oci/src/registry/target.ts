import { type ByteStream, isSlipwayError, type OperationOptions, SlipwayError } from '@slipway/core';
import { digestOf, verifyStream } from '../digest.ts';
import type { Descriptor, Digest } from '../image.ts';
import { formatReference, type RegistryReference } from '../reference.ts';
import type { ImageTarget } from '../target.ts';
import { header } from './http.ts';
import { machineCredentials } from './machine-credentials.ts';
import { addReferrer, hasSubject } from './referrers.ts';
import { loadRegistriesConf, pushLocation } from './registries-conf.ts';
import { RepositoryClient, type RepositoryRequest } from './repository-client.ts';
import { Transient, withRetries } from './retry.ts';
import type { RegistryOptions } from './source.ts';
import { sendChunks, type Upload, uploadOf, withUploadDigest } from './upload.ts';

/** Options of {@link registryTarget}. */
export interface RegistryTargetOptions extends RegistryOptions {
  /** A repository of the same registry that may have the blobs already: they are mounted, not sent. */
  readonly mountFrom?: string;
  /** Send blobs in pieces of this size, for registries or proxies that limit requests. Default: in one. */
  readonly chunkBytes?: number;
}

/** Writes images to a registry (distribution-spec, "Push"). */
export async function registryTarget(
  reference: RegistryReference,
  options: RegistryTargetOptions = {},
): Promise<ImageTarget> {
  const credentials = options.credentials ?? machineCredentials();
  const location = pushLocation(reference, options.registries ?? (await loadRegistriesConf()));
  const client = new RepositoryClient(location, credentials, options, options.mountFrom);
  return new RegistryTarget(formatReference(reference), client, options);
}

/** Larger blobs that break off are sent again in pieces of this size; each stays in memory until the registry has it. */
const RESUMABLE_BYTES = 8 << 20;

class RegistryTarget implements ImageTarget {
  readonly name: string;
  readonly #client: RepositoryClient;
  readonly #options: RegistryTargetOptions;
  #takesChunks = true;

  constructor(name: string, client: RepositoryClient, options: RegistryTargetOptions) {
    this.name = name;
    this.#client = client;
    this.#options = options;
  }

  async hasBlob(descriptor: Descriptor, options: OperationOptions = {}): Promise<boolean> {
    const response = await this.#client.request(
      {
        method: 'HEAD',
        target: `blobs/${descriptor.digest}`,
        // The scope of the push to come: one token for all of it.
        actions: 'pull,push',
        doing: 'push to',
        expect: [200, 404],
      },
      options,
    );
    await response.discard();
    return response.status === 200;
  }

  async putBlob(
    descriptor: Descriptor,
    open: () => ByteStream,
    options: OperationOptions = {},
  ): Promise<void> {
    let attempts = 0;
    await withRetries(this.#client.retry, options, async () => {
      attempts += 1;
      // The answer that was lost may have said that all is there.
      if (attempts > 1 && (await this.hasBlob(descriptor, options))) return;
      const upload = await this.#begin(descriptor, options);
      if (upload === undefined) return;
      const what = `the blob ${descriptor.digest} for ${this.name}`;
      const stream = verifyStream(open(), descriptor.digest, descriptor.size, what);
      const chunkBytes = this.#chunkBytesFor(descriptor, attempts);
      if (chunkBytes === undefined) await this.#sendWhole(descriptor, upload.location, stream, options);
      else await this.#sendInChunks(descriptor, upload, stream, chunkBytes, options);
    });
  }

  async putManifest(
    bytes: Uint8Array,
    mediaType: string,
    tag: string | undefined,
    options: OperationOptions = {},
  ): Promise<Digest> {
    const digest = digestOf(bytes);
    const response = await this.#client.request(
      {
        ...this.#push(`push the manifest ${tag ?? digest} to`),
        method: 'PUT',
        target: `manifests/${tag ?? digest}`,
        expect: [201],
        headers: { 'content-type': mediaType },
        body: bytes,
      },
      options,
    );
    await response.discard();
    const stored = header(response, 'docker-content-digest');
    if (stored !== undefined && stored !== digest) {
      throw new SlipwayError(
        'OCI_DIGEST_MISMATCH',
        `cannot push ${this.name}: the registry stored ${stored}, not ${digest}`,
        { hint: 'the registry rewrites images; nothing can be pinned by digest there' },
      );
    }
    const keepsReferrers = header(response, 'oci-subject') !== undefined;
    if (!keepsReferrers && hasSubject(bytes)) await addReferrer(this.#client, bytes, mediaType, options);
    return digest;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]();
  }

  #push(doing: string): Pick<RepositoryRequest, 'actions' | 'doing'> {
    return { actions: 'pull,push', doing };
  }

  /** What broke off once is sent again in pieces, of which only the last can be lost, where the registry takes them. */
  #chunkBytesFor({ size }: Descriptor, attempts: number): number | undefined {
    const { chunkBytes } = this.#options;
    if (chunkBytes !== undefined) return chunkBytes;
    return attempts > 1 && size > RESUMABLE_BYTES && this.#takesChunks ? RESUMABLE_BYTES : undefined;
  }

  async #sendInChunks(
    descriptor: Descriptor,
    upload: Upload,
    stream: ByteStream,
    chunkBytes: number,
    options: OperationOptions,
  ): Promise<void> {
    try {
      await sendChunks(this.#client, descriptor, upload, { stream, chunkBytes }, options);
    } catch (error) {
      // Nobody asked for pieces: without them it may go.
      if (this.#options.chunkBytes !== undefined || !isSlipwayError(error, 'OCI_REGISTRY_FAILED'))
        throw error;
      this.#takesChunks = false;
      throw new Transient(error);
    }
  }

  /** Opens an upload, or mounts the blob from the other repository: then there is nothing to send. */
  async #begin(descriptor: Descriptor, options: OperationOptions): Promise<Upload | undefined> {
    const { mountFrom } = this.#options;
    const query =
      mountFrom === undefined
        ? ''
        : `?${new URLSearchParams({ mount: descriptor.digest, from: mountFrom }).toString()}`;
    const response = await this.#client.requestOnce(
      {
        ...this.#push('push to'),
        method: 'POST',
        target: `blobs/uploads/${query}`,
        expect: mountFrom === undefined ? [202] : [201, 202],
        headers: { 'content-length': '0' },
      },
      options,
    );
    await response.discard();
    return response.status === 201 ? undefined : uploadOf(this.#client, response);
  }

  async #sendWhole(
    descriptor: Descriptor,
    location: URL,
    stream: ByteStream,
    options: OperationOptions,
  ): Promise<void> {
    const response = await this.#client.requestOnce(
      {
        ...this.#push(`push the blob ${descriptor.digest} to`),
        method: 'PUT',
        target: withUploadDigest(location, descriptor.digest),
        expect: [201],
        headers: { 'content-type': 'application/octet-stream', 'content-length': String(descriptor.size) },
        body: stream,
      },
      options,
    );
    await response.discard();
  }
}
