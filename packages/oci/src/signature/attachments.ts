/**
 * What is stored beside an image and is about it: under a tag made of its digest (cosign's scheme), or as a referrer. Reading only;
 * nothing of it is trusted.
 */

import { readFile, stat } from 'node:fs/promises';
import { collectBytes, isSlipwayError, type OperationOptions, SlipwayError } from '@slipway/core';
import { digestAlgorithm, digestHex, digestOf, verifyStream } from '../digest.ts';
import type { Descriptor, Digest, Manifest } from '../image.ts';
import { blobPath, REF_NAME, readLayoutIndex } from '../layout/layout-files.ts';
import { MAX_MANIFEST_BYTES, MEDIA_TYPES, parseManifest } from '../manifest.ts';
import type { LayoutReference, Reference, RegistryReference } from '../reference.ts';
import { readBlob } from '../registry/blob-reader.ts';
import { machineCredentials } from '../registry/machine-credentials.ts';
import { listReferrers } from '../registry/referrers.ts';
import { loadRegistriesConf, pullLocations } from '../registry/registries-conf.ts';
import { RepositoryClient } from '../registry/repository-client.ts';
import type { RegistryOptions } from '../registry/source.ts';

/** Reads what is stored beside an image. */
export interface Attachments extends AsyncDisposable {
  /** For messages. */
  readonly name: string;
  /** The manifest under a tag; undefined when there is none. */
  tagged(tag: string, options?: OperationOptions): Promise<AttachedManifest | undefined>;
  /** Manifests of an artefact type that say they are about another. */
  referrers(
    subject: Digest,
    artifactType: string,
    options?: AttachedReferrersOptions,
  ): Promise<readonly AttachedManifest[]>;
  /** A blob, verified, when it is not larger than the limit. */
  blob(descriptor: Descriptor, limitBytes: number, options?: OperationOptions): Promise<Uint8Array>;
}

/** Options of {@link Attachments.referrers}. */
export interface AttachedReferrersOptions extends OperationOptions {
  /** Which are wanted, by what the list says of them: of many, few need to be read. Default: all. */
  readonly wanted?: (annotations: Readonly<Record<string, string>> | undefined) => boolean;
}

/** A manifest of something that is no image. */
export interface AttachedManifest {
  readonly bytes: Uint8Array;
  readonly digest: Digest;
  readonly manifest: Manifest;
}

/** Nobody attaches more signatures to one image; who does is keeping us busy. */
const MAX_REFERRERS_READ = 256;

/** The tag cosign keeps the signatures of a manifest under. */
export function signatureTag(digest: Digest): string {
  return `${digestAlgorithm(digest)}-${digestHex(digest)}.sig`;
}

/** Opens what is beside an image. Images in places that keep nothing beside them have nothing. */
export async function openAttachments(
  reference: Reference,
  options: RegistryOptions = {},
): Promise<Attachments> {
  if (reference.kind === 'registry') return await RegistryAttachments.open(reference, options);
  return reference.kind === 'oci' ? new LayoutAttachments(reference) : NO_ATTACHMENTS;
}

const NO_ATTACHMENTS: Attachments = {
  name: 'a place without signatures',
  tagged: () => Promise.resolve(undefined),
  referrers: () => Promise.resolve([]),
  blob: ({ digest }) => Promise.reject(missing(digest, 'a place without signatures')),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

/** Mirrors first, as the image itself: one that has no signature is no answer, the place itself is. */
class RegistryAttachments implements Attachments {
  readonly name: string;
  readonly #clients: readonly RepositoryClient[];

  constructor(name: string, clients: readonly RepositoryClient[]) {
    this.name = name;
    this.#clients = clients;
  }

  static async open(reference: RegistryReference, options: RegistryOptions): Promise<RegistryAttachments> {
    const credentials = options.credentials ?? machineCredentials();
    const entries = options.registries ?? (await loadRegistriesConf());
    const clients = pullLocations(reference, entries).map(
      (location) => new RepositoryClient(location, credentials, options),
    );
    return new RegistryAttachments(`${reference.registry}/${reference.repository}`, clients);
  }

  async tagged(tag: string, options: OperationOptions = {}): Promise<AttachedManifest | undefined> {
    return await this.#first(options, (client) => fetchManifest(client, tag, options));
  }

  async referrers(
    subject: Digest,
    artifactType: string,
    options: AttachedReferrersOptions = {},
  ): Promise<readonly AttachedManifest[]> {
    const { wanted = () => true } = options;
    const found = await this.#first(options, async (client) => {
      const all = await listReferrers(client, subject, { ...options, artifactType });
      const list = all.filter(({ annotations }) => wanted(annotations));
      const manifests: AttachedManifest[] = [];
      for (const { digest } of list.slice(0, MAX_REFERRERS_READ)) {
        const manifest = await fetchManifest(client, digest, options);
        if (manifest?.digest === digest) manifests.push(manifest);
      }
      return manifests.length === 0 ? undefined : manifests;
    });
    return found ?? [];
  }

  async blob(
    descriptor: Descriptor,
    limitBytes: number,
    options: OperationOptions = {},
  ): Promise<Uint8Array> {
    const found = await this.#first(options, async (client) => {
      const what = `the blob ${descriptor.digest} of ${client.name}`;
      const stream = readBlob(client, descriptor, 0, options);
      const verified = verifyStream(stream, descriptor.digest, descriptor.size, what);
      return await collectBytes(verified, limitBytes, () => tooLarge(what, limitBytes));
    });
    if (found === undefined) throw missing(descriptor.digest, this.name);
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) await client[Symbol.asyncDispose]();
  }

  /** The first place that has it; what the last one fails with counts. */
  async #first<T>(
    options: OperationOptions,
    ask: (client: RepositoryClient) => Promise<T | undefined>,
  ): Promise<T | undefined> {
    for (const [index, client] of this.#clients.entries()) {
      try {
        const answer = await ask(client);
        if (answer !== undefined) return answer;
      } catch (thrown) {
        options.signal?.throwIfAborted();
        if (index === this.#clients.length - 1) throw thrown;
        options.log?.debug('cannot look for signatures here', { place: client.name, reason: String(thrown) });
      }
    }
    return undefined;
  }
}

async function fetchManifest(
  client: RepositoryClient,
  tagOrDigest: string,
  options: OperationOptions,
): Promise<AttachedManifest | undefined> {
  const what = `the manifest ${tagOrDigest} of ${client.name}`;
  const { response, bytes } = await client.requestDocument(
    {
      method: 'GET',
      target: `manifests/${tagOrDigest}`,
      actions: 'pull',
      doing: `pull the manifest ${tagOrDigest} of`,
      expect: [200, 404],
      headers: { accept: `${MEDIA_TYPES.manifest}, ${MEDIA_TYPES.dockerManifest}` },
    },
    MAX_MANIFEST_BYTES,
    () => tooLarge(what, MAX_MANIFEST_BYTES),
    options,
  );
  return response.status === 404 ? undefined : await readManifest(bytes, what);
}

class LayoutAttachments implements Attachments {
  readonly name: string;
  readonly #reference: LayoutReference;

  constructor(reference: LayoutReference) {
    this.name = `oci:${reference.path}`;
    this.#reference = reference;
  }

  async tagged(tag: string): Promise<AttachedManifest | undefined> {
    const name = layoutTag(this.#reference, tag);
    const index = await readLayoutIndex(this.#reference.path);
    const entry = index?.entries.find(
      ({ annotations }) => (annotations as Record<string, string> | null | undefined)?.[REF_NAME] === name,
    );
    return entry === undefined ? undefined : await this.#manifest(entry['digest'] as Digest);
  }

  async referrers(
    subject: Digest,
    artifactType: string,
    { wanted = () => true }: AttachedReferrersOptions = {},
  ): Promise<readonly AttachedManifest[]> {
    const index = await readLayoutIndex(this.#reference.path);
    const candidates = (index?.entries ?? []).filter(
      (entry) => entry['artifactType'] === artifactType && wanted(annotationsOf(entry)),
    );
    const manifests: AttachedManifest[] = [];
    for (const { digest } of candidates.slice(0, MAX_REFERRERS_READ)) {
      const attached = await this.#manifest(digest as Digest);
      if (attached !== undefined && subjectOf(attached) === subject) manifests.push(attached);
    }
    return manifests;
  }

  async blob({ digest, size }: Descriptor, limitBytes: number): Promise<Uint8Array> {
    const bytes = size > limitBytes ? undefined : await this.#read(digest, limitBytes);
    if (bytes?.length === size) return bytes;
    throw missing(digest, this.name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Files are open only while they are read.
  }

  async #manifest(digest: Digest): Promise<AttachedManifest | undefined> {
    const bytes = await this.#read(digest, MAX_MANIFEST_BYTES);
    return bytes === undefined
      ? undefined
      : await readManifest(bytes, `the manifest ${digest} of ${this.name}`);
  }

  /** Undefined when it is not there, too large, or not what its name says. */
  async #read(digest: Digest, limitBytes: number): Promise<Uint8Array | undefined> {
    const path = blobPath(this.#reference.path, digest);
    const stats = await stat(path).catch(() => undefined);
    if (stats === undefined || !stats.isFile() || stats.size > limitBytes) return undefined;
    const bytes = await readFile(path);
    return digestOf(bytes, digestAlgorithm(digest)) === digest ? bytes : undefined;
  }
}

/** The name a tag has where a reference points: in a layout that is the root of a registry tags are `REPOSITORY:TAG`. */
export function storedTag(reference: RegistryReference | LayoutReference, attached: string): string {
  return reference.kind === 'oci' ? layoutTag(reference, attached) : attached;
}

function layoutTag({ tag }: LayoutReference, attached: string): string {
  const colon = tag?.lastIndexOf(':') ?? -1;
  return tag === undefined || colon === -1 ? attached : `${tag.slice(0, colon)}:${attached}`;
}

/** The schema has been checked when the index was read. */
function annotationsOf(
  entry: Readonly<Record<string, unknown>>,
): Readonly<Record<string, string>> | undefined {
  return (entry['annotations'] as Record<string, string> | null | undefined) ?? undefined;
}

function subjectOf({ bytes }: AttachedManifest): string | undefined {
  const { subject } = JSON.parse(Buffer.from(bytes).toString('utf8')) as {
    subject?: { digest?: unknown } | null;
  };
  return typeof subject?.digest === 'string' ? subject.digest : undefined;
}

/** Undefined when it is an index: nothing we read here is one. */
async function readManifest(bytes: Uint8Array, what: string): Promise<AttachedManifest | undefined> {
  try {
    const document = await parseManifest(bytes, what);
    if (document.kind !== 'manifest') return undefined;
    return { bytes, digest: digestOf(bytes), manifest: document.manifest };
  } catch (thrown) {
    // Whatever stands there, it is no signature.
    if (isSlipwayError(thrown, 'OCI_MANIFEST_INVALID')) return undefined;
    throw thrown;
  }
}

function missing(digest: Digest, place: string): SlipwayError {
  return new SlipwayError('OCI_NOT_FOUND', `cannot find the signature ${digest} in ${place}`, {
    hint: 'sign the image again',
  });
}

function tooLarge(what: string, limitBytes: number): SlipwayError {
  return new SlipwayError(
    'OCI_MANIFEST_INVALID',
    `cannot use ${what}: it is larger than ${limitBytes} bytes`,
  );
}
