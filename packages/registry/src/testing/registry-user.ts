/** What a client of a registry does, request by request, with every status in view. */

import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import type { RawClient, RawRequest, RawResponse } from './raw-client.ts';

/** A manifest and what it is called. */
export interface Document {
  readonly bytes: Buffer;
  readonly mediaType: string;
  readonly digest: string;
}

/** A descriptor as it stands in manifests. */
export interface DescriptorJson {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
export const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json';
export const OCI_LAYER = 'application/vnd.oci.image.layer.v1.tar';
export const EMPTY = 'application/vnd.oci.empty.v1+json';

/** The digest of bytes. */
export function digestOf(bytes: Uint8Array, algorithm: 'sha256' | 'sha512' = 'sha256'): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}

/** Bytes that are the same for the same seed, and unlike those of any other. */
export function bytesFor(seed: string, sizeBytes = 600): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  for (let at = 0, count = 0; at < sizeBytes; count += 1) {
    at += createHash('sha256').update(`${seed} ${count}`).digest().copy(bytes, at);
  }
  return bytes;
}

/** A JSON document as one would push it. */
export function document(mediaType: string, json: object): Document {
  const bytes = Buffer.from(JSON.stringify(json));
  return { bytes, mediaType, digest: digestOf(bytes) };
}

/** The descriptor of bytes. */
export function descriptorOf(mediaType: string, bytes: Uint8Array): DescriptorJson {
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

/** Somebody who works on one repository. */
export class RegistryUser {
  readonly client: RawClient;
  readonly repository: string;

  constructor(client: RawClient, repository: string) {
    this.client = client;
    this.repository = repository;
  }

  /** Sends a request below `/v2/<repository>/`, or to a location the registry gave. */
  async send(request: RawRequest): Promise<RawResponse> {
    const isPlace = request.path.startsWith('/');
    return await this.client.send(
      isPlace ? request : { ...request, path: `/v2/${this.repository}/${request.path}` },
    );
  }

  /** The same, and the status is checked. */
  async expect(status: number | readonly number[], request: RawRequest): Promise<RawResponse> {
    const answer = await this.send(request);
    const what = `${request.method ?? 'GET'} ${request.path}: ${answer.status} ${answer.body.subarray(0, 300).toString()}`;
    expect(typeof status === 'number' ? [status] : status, what).toContain(answer.status);
    return answer;
  }

  /** The same; the first error is the one expected. */
  async refused(status: number | readonly number[], code: string, request: RawRequest): Promise<RawResponse> {
    const answer = await this.expect(status, request);
    expect(JSON.parse(answer.body.toString())).toMatchObject({ errors: [{ code }] });
    return answer;
  }

  /** Opens an upload and says where it goes. */
  async begin(query = ''): Promise<string> {
    return this.place(await this.expect(202, { method: 'POST', path: `blobs/uploads/${query}` }));
  }

  /** Where an answer says things are, as a path of this server. */
  place(answer: RawResponse): string {
    const { location } = answer.headers;
    expect(location).toBeTypeOf('string');
    const url = new URL(location ?? '', this.client.origin);
    expect(url.host).toBe(this.client.origin.host);
    return url.pathname + url.search;
  }

  /** Pushes a blob the plain way. */
  async pushBlob(bytes: Buffer, digest: string = digestOf(bytes)): Promise<RawResponse> {
    const path = withDigest(await this.begin(), digest);
    return await this.expect(201, { method: 'PUT', path, body: bytes });
  }

  async pushManifest(
    { bytes, mediaType, digest }: Document,
    reference: string = digest,
  ): Promise<RawResponse> {
    const headers = { 'content-type': mediaType };
    return await this.expect(201, { method: 'PUT', path: `manifests/${reference}`, headers, body: bytes });
  }

  /** Pushes the blobs of an image and answers with its manifest, not pushed yet. */
  async image(seed: string, more: object = {}): Promise<Document> {
    const config = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', seed }));
    const layer = bytesFor(seed);
    await this.pushBlob(config);
    await this.pushBlob(layer);
    return document(OCI_MANIFEST, {
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: descriptorOf(OCI_CONFIG, config),
      layers: [descriptorOf(OCI_LAYER, layer)],
      ...more,
    });
  }

  /** Pushes an artefact about another manifest. */
  async referrer(subject: Document, artifactType: string, annotations: object = {}): Promise<Document> {
    const empty = Buffer.from('{}');
    await this.pushBlob(empty);
    const artefact = document(OCI_MANIFEST, {
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      artifactType,
      config: descriptorOf(EMPTY, empty),
      layers: [descriptorOf(EMPTY, empty)],
      subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.bytes.length },
      annotations,
    });
    await this.pushManifest(artefact);
    return artefact;
  }

  /** The answer of a list. */
  async json(path: string): Promise<unknown> {
    return JSON.parse((await this.expect(200, { path })).body.toString()) as unknown;
  }
}

/** A location with the digest that closes an upload. */
export function withDigest(place: string, digest: string): string {
  return `${place}${place.includes('?') ? '&' : '?'}digest=${digest}`;
}

/** Where the `Link` of a page leads; undefined on the last page. */
export function nextPage({ headers }: RawResponse): string | undefined {
  const { link } = headers as Readonly<Record<string, unknown>>;
  const target = /^<(?<target>[^>]+)>; *rel="?next"?$/.exec(typeof link === 'string' ? link : '')?.groups?.[
    'target'
  ];
  if (target === undefined) return undefined;
  const url = new URL(target, 'http://registry.invalid');
  return url.pathname + url.search;
}
