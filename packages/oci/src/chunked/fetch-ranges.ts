import { freeBytes, type OperationOptions, SlipwayError } from '@slipway/core';
import type { BlobRange, Descriptor, ImageSource } from '../image.ts';
import { lengthOf } from './plan.ts';
import { planRequests, type RangeRequest } from './range-requests.ts';

/** Options of {@link fetchRanges}. */
export interface FetchRangesOptions extends OperationOptions {
  /** Hears of bytes that came from the source, also of those fetched in vain. */
  readonly onFetched?: ((bytes: number) => void) | undefined;
}

/** Requests under way or waiting to be used; each holds at most two megabytes. */
const PARALLEL_REQUESTS = 6;

/** A source that can be asked for parts of blobs. */
export type PartialSource = ImageSource & Required<Pick<ImageSource, 'openBlobParts'>>;

/** Whether a source can be asked for parts of blobs. */
export function isPartial(source: ImageSource): source is PartialSource {
  return source.openBlobParts !== undefined;
}

/**
 * Bytes of several ranges of a blob, one after the other, in few requests, some of them at a time. NOT verified. A chunk is good until
 * the next one is asked for.
 *
 * @param ranges in the order of the blob, not overlapping
 * @throws SlipwayError OCI_RANGES_UNSUPPORTED, and what the source throws
 */
export async function* fetchRanges(
  source: PartialSource,
  descriptor: Descriptor,
  ranges: readonly BlobRange[],
  options: FetchRangesOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const stop = new AbortController();
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal]);
  const requests = planRequests(ranges).values();
  const underway: { readonly request: RangeRequest; readonly bytes: Promise<Uint8Array> }[] = [];
  const begin = (): void => {
    const next = requests.next();
    if (next.done === true) return;
    const bytes = fetchParts(source, descriptor, next.value.spans, { ...options, signal });
    // Whoever awaits it hears of a failure; until then it is not unhandled.
    bytes.catch(() => undefined);
    underway.push({ request: next.value, bytes });
  };
  try {
    for (let count = 0; count < PARALLEL_REQUESTS; count += 1) begin();
    for (let first = underway.shift(); first !== undefined; first = underway.shift()) {
      const bytes = await first.bytes;
      begin();
      yield* wantedOf(first.request, bytes);
      freeBytes(bytes);
    }
  } finally {
    // Also when the reader stops early: nobody wants the rest.
    stop.abort();
    await Promise.allSettled(underway.map(({ bytes }) => bytes));
  }
}

function* wantedOf({ spans }: RangeRequest, bytes: Uint8Array): Generator<Uint8Array, void, undefined> {
  let before = 0;
  for (const { startBytes, endBytes, wanted } of spans) {
    for (const range of wanted) {
      yield bytes.subarray(before + range.startBytes - startBytes, before + range.endBytes - startBytes);
    }
    before += endBytes - startBytes;
  }
}

/** Some ranges, whole. */
export async function fetchParts(
  source: PartialSource,
  descriptor: Descriptor,
  ranges: readonly BlobRange[],
  options: FetchRangesOptions,
): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafeSlow(lengthOf(ranges));
  let filledBytes = 0;
  for await (const chunk of streamParts(source, descriptor, ranges, options)) {
    bytes.set(chunk, filledBytes);
    filledBytes += chunk.length;
  }
  return bytes.subarray(0, filledBytes);
}

/** Some ranges as they come, never more than that. */
export async function* streamParts(
  source: PartialSource,
  descriptor: Descriptor,
  ranges: readonly BlobRange[],
  options: FetchRangesOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  let leftBytes = lengthOf(ranges);
  for await (const chunk of source.openBlobParts(descriptor, ranges, options)) {
    leftBytes -= chunk.length;
    if (leftBytes < 0) {
      throw new SlipwayError(
        'OCI_REGISTRY_FAILED',
        `cannot use ${source.name}: it sent more than was asked for`,
      );
    }
    options.onFetched?.(chunk.length);
    yield chunk;
  }
}
