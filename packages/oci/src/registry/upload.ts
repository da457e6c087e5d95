/** An upload in pieces, gone on with where it broke off (distribution-spec, "Pushing a blob in chunks"). */

import { type ByteStream, isSlipwayError, type OperationOptions, SlipwayError } from '@slipway/core';
import type { Descriptor, Digest } from '../image.ts';
import { type HttpResponse, header } from './http.ts';
import type { RepositoryClient, RepositoryRequest } from './repository-client.ts';
import { Transient, waitBeforeRetry } from './retry.ts';

/** An upload a registry has opened. */
export interface Upload {
  /** Where its next request goes. */
  readonly location: URL;
  /** The registry takes no smaller piece but the last. */
  readonly minChunkBytes: number;
}

/** A piece of a blob: where it begins there, and its bytes. */
interface Chunk {
  readonly at: number;
  readonly bytes: Buffer;
}

/** A registry that wants pieces larger than this wants the blob in memory. */
const MAX_MIN_CHUNK_BYTES = 64 << 20;

/**
 * Sends a blob in pieces. A piece that is lost is sent again from where the registry says it got to; only when it does not know the
 * upload any more, or something else than was sent, all begins anew.
 *
 * @throws Transient when the upload must be begun anew; SlipwayError as {@link RepositoryClient.request}
 */
export async function sendChunks(
  client: RepositoryClient,
  descriptor: Descriptor,
  upload: Upload,
  blob: { readonly stream: ByteStream; readonly chunkBytes: number },
  options: OperationOptions,
): Promise<void> {
  const request = { actions: 'pull,push', doing: `push the blob ${descriptor.digest} to` } as const;
  const chunkBytes = Math.max(blob.chunkBytes, upload.minChunkBytes);
  let location = upload.location;
  let at = 0;
  for await (const bytes of inChunks(blob.stream, chunkBytes)) {
    location = await sendChunk(client, request, location, { at, bytes }, options);
    at += bytes.length;
  }
  const target = withUploadDigest(location, descriptor.digest);
  const headers = { 'content-length': '0' };
  try {
    const response = await client.request(
      { ...request, method: 'PUT', target, expect: [201], headers },
      options,
    );
    await response.discard();
  } catch (error) {
    // Ended already, and the answer was lost, or forgotten: whoever begins anew looks first.
    throw isSlipwayError(error, 'OCI_NOT_FOUND') ? new Transient(error, { attempts: 2 }) : error;
  }
}

/** Sends one piece, as often as it takes; answers with where the next request goes. */
async function sendChunk(
  client: RepositoryClient,
  request: Pick<RepositoryRequest, 'actions' | 'doing'>,
  start: URL,
  { at, bytes }: Chunk,
  options: OperationOptions,
): Promise<URL> {
  let location = start;
  let sent = 0;
  for (let failures = 0; sent < bytes.length; ) {
    try {
      const rest = { at: at + sent, bytes: bytes.subarray(sent) };
      location = await patch(client, request, location, rest, options);
      sent = bytes.length;
    } catch (thrown) {
      if (!(thrown instanceof Transient)) throw thrown;
      failures += 1;
      await waitBeforeRetry(client.retry, options, failures, thrown);
      const status = await askStatus(client, request, location, at + sent, options);
      const kept = status === undefined ? -1 : status.receivedBytes - at;
      // What came before is not in our hands any more.
      if (status === undefined || kept < 0 || kept > bytes.length) throw thrown;
      location = status.location;
      sent = kept;
    }
  }
  return location;
}

async function patch(
  client: RepositoryClient,
  request: Pick<RepositoryRequest, 'actions' | 'doing'>,
  location: URL,
  { at, bytes }: Chunk,
  options: OperationOptions,
): Promise<URL> {
  const response = await client.requestOnce(
    {
      ...request,
      method: 'PATCH',
      target: location,
      // The specification says 202; some registries say 201 or 204. 416: it has more, or less, than we think.
      expect: [202, 201, 204, 416],
      headers: {
        'content-type': 'application/octet-stream',
        'content-range': `${at}-${at + bytes.length - 1}`,
        'content-length': String(bytes.length),
      },
      body: bytes,
    },
    options,
  );
  await response.discard();
  if (response.status !== 416) return uploadOf(client, response).location;
  throw new Transient(
    new SlipwayError(
      'OCI_REGISTRY_FAILED',
      `cannot ${request.doing} ${client.name}: the registry does not go on from byte ${at}`,
    ),
  );
}

/** How far an upload got; undefined when the registry does not say, or does not know it. */
async function askStatus(
  client: RepositoryClient,
  request: Pick<RepositoryRequest, 'actions' | 'doing'>,
  location: URL,
  sentBytes: number,
  options: OperationOptions,
): Promise<{ readonly location: URL; readonly receivedBytes: number } | undefined> {
  const status = {
    ...request,
    method: 'GET',
    target: location,
    expect: [204, 200, 202, 400, 404, 405, 416],
  } as const;
  const response = await client.request(status, options);
  await response.discard();
  const last = /^(?:bytes=)?0-(?<last>[0-9]+)$/.exec(header(response, 'range') ?? '')?.groups?.['last'];
  if (response.status >= 400 || last === undefined) return undefined;
  const next = header(response, 'location') === undefined ? location : uploadOf(client, response).location;
  // "0-0" is one byte, or none, as it nearly always is; the digest would tell.
  const receivedBytes = last === '0' && sentBytes === 0 ? 0 : Number(last) + 1;
  return { location: next, receivedBytes };
}

/**
 * What an answer says of an upload.
 *
 * @throws Transient when it does not say where the upload goes
 */
export function uploadOf(client: RepositoryClient, response: HttpResponse): Upload {
  const location = header(response, 'location');
  const url =
    location !== undefined && URL.canParse(location, response.url)
      ? new URL(location, response.url)
      : undefined;
  if (url?.protocol === 'https:' || url?.protocol === 'http:') {
    const wanted = header(response, 'oci-chunk-min-length') ?? '';
    const minChunkBytes = /^[0-9]{1,9}$/.test(wanted) ? Math.min(Number(wanted), MAX_MIN_CHUNK_BYTES) : 0;
    return { location: url, minChunkBytes };
  }
  throw new Transient(
    new SlipwayError(
      'OCI_REGISTRY_FAILED',
      `cannot push to ${client.name}: the registry does not say where the upload goes`,
    ),
  );
}

/** The location may have a query already, which must stay. */
export function withUploadDigest(location: URL, digest: Digest): URL {
  const url = new URL(location);
  url.searchParams.set('digest', digest);
  return url;
}

/** Cuts a stream into pieces of one size; the last may be shorter. */
async function* inChunks(stream: ByteStream, chunkBytes: number): AsyncGenerator<Buffer, void, undefined> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  for await (const piece of stream) {
    for (let at = 0; at < piece.length; ) {
      const part = piece.subarray(at, at + chunkBytes - heldBytes);
      held.push(part);
      heldBytes += part.length;
      at += part.length;
      if (heldBytes < chunkBytes) continue;
      yield Buffer.concat(held, heldBytes);
      held = [];
      heldBytes = 0;
    }
  }
  if (heldBytes > 0) yield Buffer.concat(held, heldBytes);
}
