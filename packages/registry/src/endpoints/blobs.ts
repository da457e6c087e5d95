/** Blobs that are here: GET, HEAD, DELETE (distribution-spec, "Pulling blobs", "Deleting Blobs"). */

import { type Digest, openBlobFile } from '@slipway/oci';
import { RegistryFailure } from '../failure.ts';
import type { Exchange, Headers } from '../http/exchange.ts';
import { parseRange } from '../http/ranges.ts';
import { CONTENT_DIGEST, type EndpointContext, etagOf, FOR_EVER, hasAlready } from './context.ts';

const READ_BYTES = 1 << 18;

/** GET and HEAD of a blob, of all of it or of one range. */
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
  const range = answer.kind === 'part' ? answer.range : { first: 0, last: sizeBytes - 1 };
  const lengthBytes = range.last - range.first + 1;
  const partHeaders =
    answer.kind === 'part' ? { 'content-range': `bytes ${range.first}-${range.last}/${sizeBytes}` } : {};
  const status = answer.kind === 'part' ? 206 : 200;
  const allHeaders = { ...headers, ...partHeaders, 'content-length': lengthBytes };
  if (lengthBytes === 0) {
    exchange.send(status, allHeaders);
    return;
  }
  const { first, last } = range;
  const stream = file.createReadStream({
    start: first,
    end: last,
    highWaterMark: READ_BYTES,
    autoClose: false,
  });
  await exchange.stream(status, allHeaders, stream);
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
