/** Blobs that are here: GET, HEAD, DELETE (distribution-spec, "Pulling blobs", "Deleting Blobs"). */
import type { FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { ByteStream } from '@slipway/core';
import { type Digest, openBlobFile } from '@slipway/oci';
import { RegistryFailure } from '../failure.ts';
import type { Exchange, Headers } from '../http/exchange.ts';
import { contentRange, MultipartRanges } from '../http/multipart-ranges.ts';
import { type ByteRange, parseRange, type RangeAnswer } from '../http/ranges.ts';
import { CONTENT_DIGEST, type EndpointContext, etagOf, FOR_EVER, hasAlready } from './context.ts';

const READ_BYTES = 1 << 18;

/** GET and HEAD of a blob, of all of it or of ranges. */
export async function getBlob(
  { repository, digest }: { readonly repository: string; readonly digest: Digest },
  exchange: Exchange,
  { store }: EndpointContext,
  cacheControl: string = FOR_EVER,
): Promise<void> {
  if (!(await store.hasBlob(repository, digest))) throw unknown(digest);
  if (hasAlready(exchange.header('if-none-match'), digest)) {
    exchange.send(304, { etag: etagOf(digest), 'cache-control': cacheControl });
    return;
  }
  const { handle, sizeBytes } = await openBlobFile(store.root, digest);
  await using file = handle;
  const headers: Headers = {
    'content-type': 'application/octet-stream',
    [CONTENT_DIGEST]: digest,
    etag: etagOf(digest),
    'cache-control': cacheControl,
    'accept-ranges': 'bytes',
  };
  // A range of something else would be of no use (RFC 9110, section 13.1.5).
  const ifRange = exchange.header('if-range');
  const isSame = ifRange === undefined || ifRange === etagOf(digest);
  const answer = parseRange(isSame ? exchange.header('range') : undefined, sizeBytes);
  if (exchange.method === 'HEAD') {
    exchange.send(200, { ...headers, 'content-length': sizeBytes });
    return;
  }
  if (answer.kind === 'unsatisfiable') {
    throw new RegistryFailure('SIZE_INVALID', `the blob has ${sizeBytes} bytes`, {
      status: 416,
      headers: { 'content-range': `bytes */${sizeBytes}` },
    });
  }
  if (sizeBytes === 0) exchange.send(200, headers);
  else await exchange.stream(...contentOf(file, sizeBytes, headers, answer));
}

/** Status, headers and body of an answer with what was asked for. */
function contentOf(
  file: FileHandle,
  sizeBytes: number,
  headers: Headers,
  answer: Exclude<RangeAnswer, { readonly kind: 'unsatisfiable' }>,
): [status: number, headers: Headers, body: Readable | ByteStream] {
  if (answer.kind === 'whole') return [200, { ...headers, 'content-length': sizeBytes }, readSpan(file)];
  if (answer.kind === 'parts') {
    const body = new MultipartRanges(answer.ranges, sizeBytes);
    const partsHeaders = { 'content-type': body.contentType, 'content-length': body.lengthBytes };
    return [206, { ...headers, ...partsHeaders }, body.read(file)];
  }
  const { first, last } = answer.range;
  const partHeaders = {
    'content-range': contentRange(answer.range, sizeBytes),
    'content-length': last - first + 1,
  };
  return [206, { ...headers, ...partHeaders }, readSpan(file, answer.range)];
}

function readSpan(file: FileHandle, { first, last }: Partial<ByteRange> = {}): Readable {
  return file.createReadStream({ start: first, end: last, highWaterMark: READ_BYTES, autoClose: false });
}

/** DELETE of a blob: out of this repository. */
export async function deleteBlob(
  { repository, digest }: { readonly repository: string; readonly digest: Digest },
  exchange: Exchange,
  { store, log }: EndpointContext,
): Promise<void> {
  if (!(await store.removeBlob(repository, digest))) throw unknown(digest);
  log.info('blob deleted', { repository, digest });
  exchange.send(202);
}

function unknown(digest: Digest): RegistryFailure {
  return new RegistryFailure('BLOB_UNKNOWN', 'the repository has no such blob', { detail: { digest } });
}
