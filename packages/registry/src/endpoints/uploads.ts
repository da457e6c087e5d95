/** Blobs on their way in: POST, PATCH, PUT, GET, DELETE, and mounts (distribution-spec, "Pushing blobs"). */

import { type Digest, isRepositoryName } from '@slipway/oci';
import { RegistryFailure } from '../failure.ts';
import type { Exchange, Headers } from '../http/exchange.ts';
import { type ByteRange, parseChunkRange } from '../http/ranges.ts';
import { toDigest } from '../http/route.ts';
import type { Chunk } from '../store/uploads.ts';
import { blobLocation, CONTENT_DIGEST, type EndpointContext } from './context.ts';

/** An upload of a repository. */
interface UploadRoute {
  readonly repository: string;
  readonly id: string;
}

/** POST: a mount, a whole blob at once, or an upload to be sent to. */
export async function beginUpload(
  { repository }: { readonly repository: string },
  exchange: Exchange,
  context: EndpointContext,
): Promise<void> {
  const { query } = exchange;
  const mount = query.get('mount');
  // A mount that is refused is an upload, as one that finds nothing.
  const isMount = mount !== null && context.refusesMount !== true;
  if (isMount && (await mountBlob(repository, toDigest(mount), exchange, context))) return;
  const digest = mount === null ? query.get('digest') : null;
  const wanted = digest === null ? undefined : toDigest(digest);
  const id = await context.store.uploads.begin(repository);
  if (wanted === undefined) {
    exchange.send(202, progressHeaders({ repository, id }, 0));
    return;
  }
  try {
    await finish({ repository, id }, wanted, exchange, context);
  } catch (error) {
    // The client does not know the upload, so nobody will go on with it.
    await context.store.uploads.cancel(repository, id).catch(() => undefined);
    throw error;
  }
}

/** PATCH: one chunk, or all there is as a stream. */
export async function patchUpload(
  route: UploadRoute,
  exchange: Exchange,
  context: EndpointContext,
): Promise<void> {
  const size = await withPlace(route, context, () =>
    context.store.uploads.append(route.repository, route.id, chunkOf(exchange, context)),
  );
  exchange.send(202, progressHeaders(route, size));
}

/** PUT: the last chunk, if any, and the digest of the whole. */
export async function putUpload(
  route: UploadRoute,
  exchange: Exchange,
  context: EndpointContext,
): Promise<void> {
  const digest = exchange.query.get('digest');
  if (digest === null) throw new RegistryFailure('DIGEST_INVALID', 'the query says no digest');
  await finish(route, toDigest(digest), exchange, context);
}

/** GET: how far it has come. */
export async function getUpload(
  route: UploadRoute,
  exchange: Exchange,
  { store }: EndpointContext,
): Promise<void> {
  exchange.send(204, progressHeaders(route, await store.uploads.sizeBytes(route.repository, route.id)));
}

/** DELETE: not wanted any more. */
export async function cancelUpload(
  { repository, id }: UploadRoute,
  exchange: Exchange,
  { store }: EndpointContext,
): Promise<void> {
  await store.uploads.cancel(repository, id);
  exchange.send(204);
}

async function mountBlob(
  repository: string,
  digest: Digest,
  exchange: Exchange,
  { store, log }: EndpointContext,
): Promise<boolean> {
  const from = exchange.query.get('from') ?? undefined;
  if (from !== undefined && !isRepositoryName(from)) return false;
  if (!(await store.mountBlob(repository, digest, from))) return false;
  log.debug('blob mounted', { repository, digest, from });
  exchange.send(201, { location: blobLocation(repository, digest), [CONTENT_DIGEST]: digest });
  return true;
}

async function finish(
  route: UploadRoute,
  digest: Digest,
  exchange: Exchange,
  context: EndpointContext,
): Promise<void> {
  const { repository, id } = route;
  const sizeBytes = await withPlace(route, context, () =>
    context.store.finishUpload(repository, id, digest, chunkOf(exchange, context)),
  );
  context.log.debug('blob stored', { repository, digest, sizeBytes });
  exchange.send(201, { location: blobLocation(repository, digest), [CONTENT_DIGEST]: digest });
}

function chunkOf(exchange: Exchange, { maxBlobBytes }: EndpointContext): Chunk {
  const range = rangeOf(exchange);
  return { stream: exchange.body(maxBlobBytes), range };
}

function rangeOf(exchange: Exchange): ByteRange | undefined {
  const header = exchange.header('content-range');
  if (header === undefined) return undefined;
  const range = parseChunkRange(header);
  if (range === undefined) throw new RegistryFailure('BLOB_UPLOAD_INVALID', 'Content-Range makes no sense');
  const { contentLength } = exchange;
  if (contentLength !== undefined && contentLength !== range.last - range.first + 1) {
    throw new RegistryFailure('SIZE_INVALID', 'Content-Range and Content-Length say different sizes');
  }
  return range;
}

/** A client that sent the wrong chunk is told where the upload stands. */
async function withPlace<T>(
  route: UploadRoute,
  { store }: EndpointContext,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof RegistryFailure) || error.status !== 416) throw error;
    const size = await store.uploads.sizeBytes(route.repository, route.id);
    throw new RegistryFailure(error.code, error.message, {
      status: 416,
      headers: stringsOf(progressHeaders(route, size)),
      detail: { offset: size },
    });
  }
}

/** An upload without bytes has no last one; clients know `0-0` for it from Docker's registry. */
function progressHeaders({ repository, id }: UploadRoute, sizeBytes: number): Headers {
  return {
    location: `/v2/${repository}/blobs/uploads/${id}`,
    range: `0-${Math.max(0, sizeBytes - 1)}`,
    'docker-upload-uuid': id,
    'cache-control': 'no-store',
  };
}

function stringsOf(headers: Headers): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}
