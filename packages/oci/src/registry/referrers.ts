/**
 * What refers to a manifest: signatures, lists of parts, deltas (distribution-spec, "Listing Referrers"). Registries that do not keep
 * such a list have it as an index under a tag made of the digest, which clients write ("Unavailable Referrers API").
 */

import { type OperationOptions, SlipwayError } from '@slipway/core';
import { digestAlgorithm, digestHex, digestOf, isDigest } from '../digest.ts';
import type { Descriptor, Digest } from '../image.ts';
import { MAX_MANIFEST_BYTES, MEDIA_TYPES, parseManifest } from '../manifest.ts';
import { nonsense, pagesOf } from './lists.ts';
import type { RepositoryClient, RepositoryRequest } from './repository-client.ts';

/** Options of a list of referrers. */
export interface ReferrersOptions extends OperationOptions {
  /** Only those of this type. */
  readonly artifactType?: string;
}

/** What a list of referrers says of one. */
interface ReferrerFields {
  readonly subject: Digest | undefined;
  readonly artifactType: string | undefined;
  readonly annotations: Readonly<Record<string, string>> | undefined;
}

/** Far more than anybody attaches to one manifest. */
const MAX_REFERRERS = 100_000;

/**
 * All that refers to a manifest.
 *
 * @throws SlipwayError OCI_MANIFEST_INVALID, OCI_REGISTRY_FAILED and what {@link RepositoryClient.request} throws
 */
export async function listReferrers(
  client: RepositoryClient,
  subject: Digest,
  options: ReferrersOptions,
): Promise<readonly Descriptor[]> {
  const { artifactType } = options;
  const all = (await fromRegistry(client, subject, options)) ?? (await fromTag(client, subject, options));
  // Registries need not filter.
  return artifactType === undefined ? all : all.filter((referrer) => referrer.artifactType === artifactType);
}

/**
 * Adds a manifest to the index under the tag of its subject: for a registry that did not say, by `OCI-Subject`, that
 * it keeps the list itself. Two who do so at once may lose one: the specification has no better way.
 *
 * @param bytes of the manifest that was pushed
 */
export async function addReferrer(
  client: RepositoryClient,
  bytes: Uint8Array,
  mediaType: string,
  options: OperationOptions,
): Promise<void> {
  const { subject, artifactType, annotations } = readFields(bytes);
  if (subject === undefined) return;
  const digest = digestOf(bytes);
  const others = await fromTag(client, subject, options);
  if (others.some((other) => other.digest === digest)) return;
  const added = { mediaType, digest, size: bytes.length, artifactType, annotations };
  const index = { schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests: [...others, added] };
  const response = await client.request(
    {
      method: 'PUT',
      target: `manifests/${tagOf(subject)}`,
      actions: 'pull,push',
      doing: `push the list of what refers to ${subject} to`,
      expect: [201],
      headers: { 'content-type': MEDIA_TYPES.index },
      body: Buffer.from(JSON.stringify(index), 'utf8'),
    },
    options,
  );
  await response.discard();
}

/** Whether a manifest is about another. */
export function hasSubject(bytes: Uint8Array): boolean {
  return readFields(bytes).subject !== undefined;
}

/** Undefined: the registry keeps no such list. */
async function fromRegistry(
  client: RepositoryClient,
  subject: Digest,
  options: ReferrersOptions,
): Promise<readonly Descriptor[] | undefined> {
  const { artifactType } = options;
  const query = artifactType === undefined ? '' : `?${new URLSearchParams({ artifactType }).toString()}`;
  const request: RepositoryRequest = {
    ...listRequest(subject),
    target: `referrers/${subject}${query}`,
    expect: [200, 404],
  };
  const found: Descriptor[] = [];
  for await (const { bytes, response } of pagesOf(client, request, options)) {
    if (response.status === 404) return undefined;
    found.push(...(await readIndex(client, bytes)));
    if (found.length > MAX_REFERRERS) throw nonsense(client, request, `there are more than ${MAX_REFERRERS}`);
  }
  return found;
}

async function fromTag(
  client: RepositoryClient,
  subject: Digest,
  options: OperationOptions,
): Promise<readonly Descriptor[]> {
  const request: RepositoryRequest = {
    ...listRequest(subject),
    target: `manifests/${tagOf(subject)}`,
    expect: [200, 404],
  };
  const tooLarge = (): Error => nonsense(client, request, 'the list is too large');
  const { response, bytes } = await client.requestDocument(request, MAX_MANIFEST_BYTES, tooLarge, options);
  return response.status === 404 ? [] : await readIndex(client, bytes);
}

function listRequest(subject: Digest): Omit<RepositoryRequest, 'target' | 'expect'> {
  return {
    method: 'GET',
    actions: 'pull',
    doing: `list what refers to ${subject} in`,
    headers: { accept: MEDIA_TYPES.index },
  };
}

async function readIndex(client: RepositoryClient, bytes: Uint8Array): Promise<readonly Descriptor[]> {
  const document = await parseManifest(bytes, `the list of referrers of ${client.name}`);
  if (document.kind === 'index') return document.manifests;
  throw new SlipwayError(
    'OCI_MANIFEST_INVALID',
    `cannot use the list of referrers of ${client.name}: it is not an index`,
  );
}

/** distribution-spec, "Referrers Tag Schema": the parts are cut to what a tag can hold. */
function tagOf(subject: Digest): string {
  return `${digestAlgorithm(subject).slice(0, 32)}-${digestHex(subject).slice(0, 64)}`;
}

/** The bytes were taken by a registry as a manifest; what they are not says nothing. */
function readFields(bytes: Uint8Array): ReferrerFields {
  const nothing: ReferrerFields = { subject: undefined, artifactType: undefined, annotations: undefined };
  const text = Buffer.from(bytes).toString('utf8');
  if (!text.includes('"subject"')) return nothing;
  const json = JSON.parse(text) as {
    readonly subject?: { readonly digest?: unknown } | null;
    readonly artifactType?: unknown;
    readonly config?: { readonly mediaType?: unknown } | null;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  const digest = json.subject?.digest;
  if (typeof digest !== 'string' || !isDigest(digest)) return nothing;
  const type = json.artifactType ?? json.config?.mediaType;
  return {
    subject: digest,
    artifactType: typeof type === 'string' && type !== '' ? type : undefined,
    annotations: json.annotations,
  };
}
