import type { OperationOptions } from '@slipway/core';
import type { BlobRange, Descriptor } from '../image.ts';
import { ChunkCursor } from '../tar/chunk-cursor.ts';
import { openRange } from './blob-reader.ts';
import { bodyOf, endedEarly, requestBlob } from './blob-request.ts';
import { boundaryOf, readPartHeader } from './content-range.ts';
import { type HttpResponse, header } from './http.ts';
import type { RepositoryClient } from './repository-client.ts';
import { resumed } from './retry.ts';

/** Several ranges may be refused for being several: as a request that makes no sense, a header too long, something not built. */
const REFUSALS: readonly number[] = [400, 416, 431, 501];
/** What may stand after the last part. */
const MAX_EPILOGUE_BYTES = 4096;

/**
 * Parts of the blobs of one repository. Several are asked for at once, which spares a round trip for each; servers need not give that
 * (RFC 9110, section 14.2), and nothing says whether one does but its answer. From one that does not, each is asked for by itself.
 */
export class BlobParts {
  readonly #client: RepositoryClient;
  #severalAtOnce = true;

  constructor(client: RepositoryClient) {
    this.#client = client;
  }

  /**
   * Bytes of parts of a blob, one after the other, NOT verified. A connection that breaks is taken up again where it stopped.
   *
   * @param ranges in the order of the blob, none empty, none overlapping; so few that one header can name them
   * @throws SlipwayError OCI_RANGES_UNSUPPORTED when the registry sends all of it, and all of {@link RepositoryClient.request}
   */
  async *read(
    descriptor: Descriptor,
    ranges: readonly BlobRange[],
    options: OperationOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    yield* resumed(this.#client.retry, options, (doneBytes) => {
      const left = after(ranges, doneBytes);
      return left.length === 0 ? undefined : this.#ask(descriptor, left, options);
    });
  }

  /** One request. It brings some bytes, or throws, or teaches that several ranges cannot be had. */
  async *#ask(
    descriptor: Descriptor,
    ranges: readonly BlobRange[],
    options: OperationOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const [first, ...others] = ranges;
    if (first === undefined) return;
    if (others.length === 0 || !this.#severalAtOnce) {
      yield* openRange(this.#client, descriptor, first, 'part', options);
      return;
    }
    const header = `bytes=${ranges.map(({ startBytes, endBytes }) => `${startBytes}-${endBytes - 1}`).join()}`;
    const response = await requestBlob(this.#client, descriptor, header, [200, 206, ...REFUSALS], options);
    if (yield* this.#parts(descriptor, ranges, response)) return;
    this.#severalAtOnce = false;
    options.log?.debug('the registry does not send several ranges at once', { place: this.#client.name });
  }

  /** The parts of an answer, as long as they are those that were asked for; returns whether all were. */
  async *#parts(
    descriptor: Descriptor,
    ranges: readonly BlobRange[],
    response: HttpResponse,
  ): AsyncGenerator<Uint8Array, boolean, undefined> {
    const boundary = response.status === 206 ? boundaryOf(header(response, 'content-type')) : undefined;
    if (boundary === undefined) {
      await response.discard();
      return false;
    }
    const body = new ChunkCursor(bodyOf(this.#client, descriptor, response));
    try {
      for (const { startBytes, endBytes } of ranges) {
        const part = await readPartHeader(body, boundary);
        // Parts may be joined, or come in another order.
        if (part?.startBytes !== startBytes || part.endBytes !== endBytes) return false;
        const beginning = body.position;
        yield* body.pieces(endBytes - startBytes);
        const gotBytes = body.position - beginning;
        if (gotBytes < endBytes - startBytes)
          throw endedEarly(this.#client, descriptor, startBytes + gotBytes);
      }
      // Read to its end, the connection can be used again.
      await body.skip(MAX_EPILOGUE_BYTES);
      return true;
    } finally {
      await body.close();
    }
  }
}

/** What comes after the first so many bytes of ranges. */
function after(ranges: readonly BlobRange[], bytes: number): readonly BlobRange[] {
  let passedBytes = bytes;
  return ranges.flatMap(({ startBytes, endBytes }) => {
    const start = Math.min(startBytes + passedBytes, endBytes);
    passedBytes -= start - startBytes;
    return start === endBytes ? [] : [{ startBytes: start, endBytes }];
  });
}
