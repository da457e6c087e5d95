import type { OperationOptions } from '@slipway/core';
import type { BlobRange, Descriptor } from '../image.ts';
import { bodyOf, endedEarly, noRanges, otherRange, requestBlob, wrongSize } from './blob-request.ts';
import { parseContentRange } from './content-range.ts';
import { type HttpResponse, header } from './http.ts';
import type { RepositoryClient } from './repository-client.ts';
import { resumed } from './retry.ts';

/**
 * Bytes of a blob from an offset on. A connection that breaks, stalls or ends early is taken up again
 * where it stopped; what counts as failing is failing without any byte in between.
 *
 * The bytes are not verified here.
 *
 * @throws SlipwayError OCI_DIGEST_MISMATCH when the registry says the blob has another size, and all of {@link RepositoryClient.request}
 */
export async function* readBlob(
  client: RepositoryClient,
  descriptor: Descriptor,
  startBytes: number,
  options: OperationOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* resumed(client.retry, options, (doneBytes) => {
    const rest = { startBytes: startBytes + doneBytes, endBytes: descriptor.size };
    if (rest.startBytes >= rest.endBytes) return undefined;
    return openRange(client, descriptor, rest, 'part-or-whole', options);
  });
}

/**
 * One range of a blob, all of it, asked for once: failures that may pass come as `Transient`.
 *
 * @param accept with `part`, an answer with the whole blob is no answer (OCI_RANGES_UNSUPPORTED)
 */
export async function* openRange(
  client: RepositoryClient,
  descriptor: Descriptor,
  { startBytes, endBytes }: BlobRange,
  accept: 'part' | 'part-or-whole',
  options: OperationOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const range = rangeHeader(descriptor.size, startBytes, endBytes);
  const response = await requestBlob(client, descriptor, range, [200, 206], options);
  if (response.status === 200 && accept === 'part') {
    await response.discard();
    throw noRanges(client);
  }
  // A server that does not know ranges starts over.
  let skip = firstByte(response, client, descriptor, startBytes);
  let left = endBytes - startBytes;
  for await (const chunk of bodyOf(client, descriptor, response)) {
    const wanted = chunk.subarray(skip);
    skip -= chunk.length - wanted.length;
    left -= wanted.length;
    if (left < 0) throw wrongSize(client, descriptor, 'more');
    if (wanted.length > 0) yield wanted;
  }
  if (left > 0) throw endedEarly(client, descriptor, endBytes - left);
}

function rangeHeader(sizeBytes: number, startBytes: number, endBytes: number): string | undefined {
  if (endBytes < sizeBytes) return `bytes=${startBytes}-${endBytes - 1}`;
  return startBytes === 0 ? undefined : `bytes=${startBytes}-`;
}

/** How many bytes of the answer come before the wanted ones; checks that it is an answer to what was asked. */
function firstByte(
  response: HttpResponse,
  client: RepositoryClient,
  descriptor: Descriptor,
  startBytes: number,
): number {
  if (response.status === 200) {
    const length = header(response, 'content-length');
    if (length !== undefined && Number(length) !== descriptor.size)
      throw wrongSize(client, descriptor, length);
    return startBytes;
  }
  const range = parseContentRange(header(response, 'content-range'));
  if (range?.startBytes !== startBytes) throw otherRange(client, descriptor);
  const { blobBytes } = range;
  if (blobBytes !== undefined && blobBytes !== descriptor.size)
    throw wrongSize(client, descriptor, String(blobBytes));
  return 0;
}
