import { type OperationOptions, SlipwayError } from '@slipway/core';
import type { Descriptor } from '../image.ts';
import { type HttpResponse, header } from './http.ts';
import { errorOfConnection } from './registry-error.ts';
import type { RepositoryClient } from './repository-client.ts';
import { Transient, waitBeforeRetry } from './retry.ts';

/** Which bytes of a blob: from one to before another. */
interface Span {
  readonly startBytes: number;
  readonly endBytes: number;
  /** An answer with the whole blob is no answer. */
  readonly onlyPart: boolean;
}

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
  yield* readSpan(client, descriptor, { startBytes, endBytes: descriptor.size, onlyPart: false }, options);
}

/**
 * A part of a blob, in the same way.
 *
 * @throws SlipwayError OCI_RANGES_UNSUPPORTED when the registry sends all of it, and as {@link readBlob}
 */
export async function* readBlobPart(
  client: RepositoryClient,
  descriptor: Descriptor,
  startBytes: number,
  endBytes: number,
  options: OperationOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* readSpan(client, descriptor, { startBytes, endBytes, onlyPart: true }, options);
}

async function* readSpan(
  client: RepositoryClient,
  descriptor: Descriptor,
  span: Span,
  options: OperationOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { endBytes } = span;
  let at = span.startBytes;
  let failures = 0;
  while (at < endBytes) {
    options.signal?.throwIfAborted();
    try {
      for await (const chunk of openRange(client, descriptor, { ...span, startBytes: at }, options)) {
        at += chunk.length;
        failures = 0;
        yield chunk;
      }
      if (at < endBytes) throw endedEarly(client, descriptor, at);
    } catch (thrown) {
      if (!(thrown instanceof Transient)) throw thrown;
      failures += 1;
      await waitBeforeRetry(client.retry, options, failures, thrown);
    }
  }
}

async function* openRange(
  client: RepositoryClient,
  descriptor: Descriptor,
  { startBytes, endBytes, onlyPart }: Span,
  options: OperationOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const doing = `pull the blob ${descriptor.digest} of`;
  const response = await client.requestOnce(
    {
      method: 'GET',
      target: `blobs/${descriptor.digest}`,
      actions: 'pull',
      doing,
      expect: [200, 206],
      headers: rangeHeader(descriptor.size, startBytes, endBytes),
    },
    options,
  );
  if (response.status === 200 && onlyPart) {
    await response.discard();
    throw noRanges(client);
  }
  // A server that does not know ranges starts over.
  let skip = firstByte(response, client, descriptor, startBytes);
  let left = endBytes - startBytes;
  try {
    for await (const chunk of response.body) {
      const wanted = chunk.subarray(skip);
      skip -= chunk.length - wanted.length;
      left -= wanted.length;
      if (left < 0) throw wrongSize(client, descriptor, 'more');
      if (wanted.length > 0) yield wanted;
    }
  } catch (error) {
    const { registry, repository } = client.location;
    throw errorOfConnection(error, {
      doing,
      registry,
      repository,
      hasCredentials: false,
      hasAnswered: true,
      nowMs: client.retry.clock.nowMs(),
    });
  }
}

function rangeHeader(
  sizeBytes: number,
  startBytes: number,
  endBytes: number,
): Readonly<Record<string, string>> {
  if (endBytes < sizeBytes) return { range: `bytes=${startBytes}-${endBytes - 1}` };
  return startBytes === 0 ? {} : { range: `bytes=${startBytes}-` };
}

function noRanges(client: RepositoryClient): SlipwayError {
  return new SlipwayError(
    'OCI_RANGES_UNSUPPORTED',
    `cannot pull a part of a blob of ${client.name}: the registry sends only whole blobs`,
    { hint: 'whole layers can be pulled; a registry with range requests would send less' },
  );
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
  const range = /^bytes (?<first>[0-9]+)-[0-9]+\/(?<total>[0-9]+|\*)$/.exec(
    header(response, 'content-range') ?? '',
  )?.groups;
  const total = range?.['total'];
  if (range === undefined || Number(range['first']) !== startBytes) {
    throw new SlipwayError(
      'OCI_REGISTRY_FAILED',
      `cannot pull the blob ${descriptor.digest} of ${client.name}: the registry sent another range than was asked for`,
    );
  }
  if (total !== '*' && Number(total) !== descriptor.size) throw wrongSize(client, descriptor, total ?? '');
  return 0;
}

function wrongSize(client: RepositoryClient, descriptor: Descriptor, actual: string): SlipwayError {
  return new SlipwayError(
    'OCI_DIGEST_MISMATCH',
    `cannot use the blob ${descriptor.digest} of ${client.name}: it has ${actual} bytes, not the ${descriptor.size} its descriptor promises`,
    {
      hint: 'the registry holds a damaged copy: push the image again',
      details: { expected: descriptor.size, actual },
    },
  );
}

function endedEarly(client: RepositoryClient, descriptor: Descriptor, at: number): Transient {
  return new Transient(
    new SlipwayError(
      'OCI_UNREACHABLE',
      `cannot pull the blob ${descriptor.digest} of ${client.name}: it ends after ${at} of ${descriptor.size} bytes`,
    ),
  );
}
