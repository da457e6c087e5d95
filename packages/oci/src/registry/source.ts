import { collectBytes, messageOf, type OperationOptions, SlipwayError } from '@slipway/core';
import { checkHashed, DigestHasher, digestAlgorithm, digestOf, isDigest, verifyStream } from '../digest.ts';
import type {
  BlobRange,
  Descriptor,
  Digest,
  ImageDocument,
  ResolvedImage,
  WholeImageSource,
} from '../image.ts';
import { documentMediaType, MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES, MEDIA_TYPES } from '../manifest.ts';
import { formatReference, type RegistryReference } from '../reference.ts';
import { resolveImage } from '../resolve.ts';
import { BlobParts } from './blob-parts.ts';
import { readBlob } from './blob-reader.ts';
import type { CredentialSource } from './credentials.ts';
import { type HttpResponse, header } from './http.ts';
import { machineCredentials } from './machine-credentials.ts';
import { loadRegistriesConf, pullLocations, type RegistryEntry } from './registries-conf.ts';
import { type RegistryClientOptions, RepositoryClient } from './repository-client.ts';

/** Options of {@link registrySource} and {@link registryTarget}. */
export interface RegistryOptions extends RegistryClientOptions {
  /** Default: {@link machineCredentials}, from the auth files of podman, docker, bootc and Slipway. */
  readonly credentials?: CredentialSource;
  /** Entries of registries.conf. Default: those of this machine. */
  readonly registries?: readonly RegistryEntry[];
}

/** Everything a tag may name; a registry converts to nothing it does not find here. */
const MANIFEST_TYPES = [
  MEDIA_TYPES.manifest,
  MEDIA_TYPES.index,
  MEDIA_TYPES.dockerManifest,
  MEDIA_TYPES.dockerIndex,
].join(', ');

const INDEX_TYPES: ReadonlySet<string> = new Set([MEDIA_TYPES.index, MEDIA_TYPES.dockerIndex]);

/** Reads images from a registry. Nothing is asked before something is wanted. */
export function registrySource(
  reference: RegistryReference,
  options: RegistryOptions = {},
): WholeImageSource {
  return new RegistrySource(reference, options);
}

/** A manifest, verified, and where it was found. */
interface Found {
  readonly bytes: Uint8Array;
  readonly digest: Digest;
}

class RegistrySource implements WholeImageSource {
  readonly transport = 'registry';
  readonly name: string;
  readonly #reference: RegistryReference;
  readonly #options: RegistryOptions;
  #clients: Promise<readonly RepositoryClient[]> | undefined;
  /** The first place that answered; everything else is read from there. */
  #chosen: RepositoryClient | undefined;
  #parts: BlobParts | undefined;

  constructor(reference: RegistryReference, options: RegistryOptions) {
    this.#reference = reference;
    this.#options = options;
    this.name = formatReference(reference);
  }

  async resolve(architecture: string, options: OperationOptions = {}): Promise<ResolvedImage> {
    const { digest, tag } = this.#reference;
    const top = await this.#anywhere(options, (client) =>
      fetchManifest(client, digest ?? tag ?? '', digest, options),
    );
    return await resolveImage(
      {
        name: this.name,
        top: () => Promise.resolve(top),
        manifest: async (descriptor) => {
          const found = await this.#anywhere(options, (client) =>
            fetchManifest(client, descriptor.digest, descriptor.digest, options),
          );
          return found.bytes;
        },
        config: (descriptor) => this.#document(descriptor, options),
      },
      architecture,
    );
  }

  async resolveDigest(options: OperationOptions = {}): Promise<Digest> {
    const { digest, tag = '' } = this.#reference;
    if (digest !== undefined) return digest;
    return await this.#anywhere(options, async (client) => {
      const response = await client.request({ ...manifestRequest(tag), method: 'HEAD' }, options);
      await response.discard();
      const answered = header(response, 'docker-content-digest');
      if (answered !== undefined && isDigest(answered)) return answered;
      // Some registries do not say.
      return (await fetchManifest(client, tag, undefined, options)).digest;
    });
  }

  async readDocument(digest?: Digest, options: OperationOptions = {}): Promise<ImageDocument> {
    const wanted = digest ?? this.#reference.digest;
    const { tag = '' } = this.#reference;
    const found = await this.#anywhere(options, (client) =>
      fetchManifest(client, wanted ?? tag, wanted, options),
    );
    return { ...found, mediaType: await documentMediaType(found.bytes, this.name) };
  }

  async *openBlob(
    descriptor: Descriptor,
    offsetBytes = 0,
    options: OperationOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const stream = this.#readBlob(descriptor, offsetBytes, options);
    if (offsetBytes > 0) yield* stream;
    else
      yield* verifyStream(
        stream,
        descriptor.digest,
        descriptor.size,
        `the blob ${descriptor.digest} of ${this.#chosen?.name ?? this.name}`,
      );
  }

  async *openBlobParts(
    descriptor: Descriptor,
    ranges: readonly BlobRange[],
    options: OperationOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const place = await this.#place();
    this.#parts ??= new BlobParts(place);
    yield* this.#parts.read(descriptor, ranges, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Whoever asked has heard why there are none.
    const clients = await this.#clients?.catch(() => []);
    for (const client of clients ?? []) await client[Symbol.asyncDispose]();
  }

  /** From the place that gave the manifest; what that fails to give, from the next one, from where it stopped. */
  async *#readBlob(
    descriptor: Descriptor,
    startBytes: number,
    options: OperationOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const first = await this.#place();
    const all = await this.#all();
    let at = startBytes;
    for (const client of all.slice(all.indexOf(first))) {
      try {
        for await (const chunk of readBlob(client, descriptor, at, options)) {
          at += chunk.length;
          yield chunk;
        }
        return;
      } catch (error) {
        options.signal?.throwIfAborted();
        if (client === all.at(-1)) throw error;
        options.log?.warn('cannot pull from here', { place: client.name, reason: messageOf(error) });
      }
    }
  }

  /** Where blobs come from: the place that gave the manifest. */
  async #place(): Promise<RepositoryClient> {
    const client = this.#chosen ?? (await this.#all()).at(-1);
    if (client === undefined) throw new SlipwayError('INTERNAL', 'internal error: no place to pull from');
    return client;
  }

  #all(): Promise<readonly RepositoryClient[]> {
    this.#clients ??= this.#open();
    return this.#clients;
  }

  async #open(): Promise<readonly RepositoryClient[]> {
    const credentials = this.#options.credentials ?? machineCredentials();
    const entries = this.#options.registries ?? (await loadRegistriesConf());
    return pullLocations(this.#reference, entries).map(
      (location) => new RepositoryClient(location, credentials, this.#options),
    );
  }

  /** Asks mirrors first and the place itself last; its error is the one that counts. */
  async #anywhere<T>(options: OperationOptions, ask: (client: RepositoryClient) => Promise<T>): Promise<T> {
    if (this.#chosen !== undefined) return await ask(this.#chosen);
    let failure: unknown = new SlipwayError('INTERNAL', 'internal error: no place to pull from');
    for (const client of await this.#all()) {
      try {
        const answer = await ask(client);
        this.#chosen = client;
        return answer;
      } catch (error) {
        options.signal?.throwIfAborted();
        options.log?.debug('cannot pull from here', { place: client.name, reason: String(error) });
        failure = error;
      }
    }
    throw failure;
  }

  async #document(descriptor: Descriptor, options: OperationOptions): Promise<Uint8Array> {
    return await collectBytes(
      this.openBlob(descriptor, 0, options),
      MAX_CONFIG_BYTES,
      () =>
        new SlipwayError(
          'OCI_MANIFEST_INVALID',
          `cannot use ${this.name}: its configuration is larger than ${MAX_CONFIG_BYTES} bytes`,
        ),
    );
  }
}

function manifestRequest(tagOrDigest: string): Parameters<RepositoryClient['request']>[0] {
  return {
    method: 'GET',
    target: `manifests/${tagOrDigest}`,
    actions: 'pull',
    doing: `pull the manifest ${tagOrDigest} of`,
    expect: [200],
    headers: { accept: MANIFEST_TYPES },
  };
}

/** Reads a manifest and verifies it: against the digest asked for, else against the one the registry says it has. */
async function fetchManifest(
  client: RepositoryClient,
  tagOrDigest: string,
  digest: Digest | undefined,
  options: OperationOptions,
): Promise<Found> {
  const what = `the manifest ${tagOrDigest} of ${client.name}`;
  const tooLarge = (): SlipwayError =>
    new SlipwayError(
      'OCI_MANIFEST_INVALID',
      `cannot use ${what}: it is larger than ${MAX_MANIFEST_BYTES} bytes`,
    );
  const { response, bytes } = await client.requestDocument(
    manifestRequest(tagOrDigest),
    MAX_MANIFEST_BYTES,
    tooLarge,
    options,
  );
  refusePage(response, what);
  const promised = digest ?? promisedDigest(response);
  const found = { bytes, digest: promised ?? digestOf(bytes) };
  if (promised !== undefined) {
    const hasher = new DigestHasher(digestAlgorithm(promised));
    hasher.update(bytes);
    checkHashed(hasher, promised, undefined, what);
  }
  await checkMediaType(response, bytes, what);
  return found;
}

/** A page is what the login of a network answers with. */
function refusePage(response: HttpResponse, what: string): void {
  if (contentTypeOf(response) !== 'text/html') return;
  throw new SlipwayError(
    'OCI_MANIFEST_INVALID',
    `cannot use ${what}: the answer is a web page, not a manifest`,
    {
      hint: 'check the name of the registry, and whether the network wants a login first',
    },
  );
}

/**
 * What a registry says a document is must not be something else than what the document says of itself: two readers would see two
 * images under one digest (CVE-2021-41190). Types that say nothing are let pass.
 */
async function checkMediaType(response: HttpResponse, bytes: Uint8Array, what: string): Promise<void> {
  const said = contentTypeOf(response);
  if (!MANIFEST_TYPES.split(', ').includes(said)) return;
  const actual = await documentMediaType(bytes, what);
  if (INDEX_TYPES.has(actual) === INDEX_TYPES.has(said)) return;
  throw new SlipwayError(
    'OCI_MANIFEST_INVALID',
    `cannot use ${what}: the registry sends it as ${said}, but it is ${actual}`,
    { hint: 'the registry is at fault: push the image again, or ask who runs it' },
  );
}

/** Without parameters, lower case. */
function contentTypeOf(response: HttpResponse): string {
  const [type = ''] = (header(response, 'content-type') ?? '').split(';');
  return type.trim().toLowerCase();
}

function promisedDigest(response: HttpResponse): Digest | undefined {
  const promised = header(response, 'docker-content-digest');
  return promised !== undefined && isDigest(promised) ? promised : undefined;
}
