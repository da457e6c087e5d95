/** What every way to ask a registry for bytes of a blob has in common. */
import { type OperationOptions, SlipwayError } from '@slipway/core';
import type { Descriptor } from '../image.ts';
import type { HttpResponse } from './http.ts';
import { errorOfConnection } from './registry-error.ts';
import type { RepositoryClient } from './repository-client.ts';
import { Transient } from './retry.ts';

/** Asks once. */
export async function requestBlob(
  client: RepositoryClient,
  descriptor: Descriptor,
  range: string | undefined,
  expect: readonly number[],
  options: OperationOptions,
): Promise<HttpResponse> {
  return await client.requestOnce(
    {
      method: 'GET',
      target: `blobs/${descriptor.digest}`,
      actions: 'pull',
      doing: doing(descriptor),
      expect,
      headers: range === undefined ? {} : { range },
    },
    options,
  );
}

/** The body of an answer; what breaks a connection comes as {@link Transient}. */
export async function* bodyOf(
  client: RepositoryClient,
  descriptor: Descriptor,
  { body }: HttpResponse,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* body;
  } catch (error) {
    const { registry, repository } = client.location;
    throw errorOfConnection(error, {
      doing: doing(descriptor),
      registry,
      repository,
      hasCredentials: false,
      hasAnswered: true,
      nowMs: client.retry.clock.nowMs(),
    });
  }
}

/** The whole blob came where a part was asked for. */
export function noRanges(client: RepositoryClient): SlipwayError {
  return new SlipwayError(
    'OCI_RANGES_UNSUPPORTED',
    `cannot pull a part of a blob of ${client.name}: the registry sends only whole blobs`,
    { hint: 'whole layers can be pulled; a registry with range requests would send less' },
  );
}

/** Bytes from elsewhere in the blob came. */
export function otherRange(client: RepositoryClient, descriptor: Descriptor): SlipwayError {
  return new SlipwayError(
    'OCI_REGISTRY_FAILED',
    `cannot pull the blob ${descriptor.digest} of ${client.name}: the registry sent another range than was asked for`,
  );
}

/** The registry says, or shows, that the blob is longer or shorter. */
export function wrongSize(client: RepositoryClient, descriptor: Descriptor, actual: string): SlipwayError {
  return new SlipwayError(
    'OCI_DIGEST_MISMATCH',
    `cannot use the blob ${descriptor.digest} of ${client.name}: it has ${actual} bytes, not the ${descriptor.size} its descriptor promises`,
    {
      hint: 'the registry holds a damaged copy: push the image again',
      details: { expected: descriptor.size, actual },
    },
  );
}

/** An answer was over before all came. */
export function endedEarly(client: RepositoryClient, descriptor: Descriptor, at: number): Transient {
  return new Transient(
    new SlipwayError(
      'OCI_UNREACHABLE',
      `cannot pull the blob ${descriptor.digest} of ${client.name}: it ends after ${at} of ${descriptor.size} bytes`,
    ),
  );
}

function doing({ digest }: Descriptor): string {
  return `pull the blob ${digest} of`;
}
