import { type OperationOptions, SlipwayError } from '@slipway/core';
import { isDigest } from '../digest.ts';
import type { Descriptor, Digest } from '../image.ts';
import { isRepositoryName, isTag, type RegistryReference } from '../reference.ts';
import { namesOf } from './lists.ts';
import { machineCredentials } from './machine-credentials.ts';
import { listReferrers, type ReferrersOptions } from './referrers.ts';
import { loadRegistriesConf, pushLocation } from './registries-conf.ts';
import { RepositoryClient } from './repository-client.ts';
import { withRetries } from './retry.ts';
import type { RegistryOptions } from './source.ts';

/** What can be asked of, and done to, a repository besides pulling and pushing images. */
export interface Repository extends AsyncDisposable {
  /** `host[:port]/repository` */
  readonly name: string;
  /** All tags, in the order the registry has them. */
  tags(options?: OperationOptions): AsyncIterable<string>;
  /** What refers to a manifest: its signatures, lists of parts, deltas. Nothing of it is verified. */
  referrers(subject: Digest, options?: ReferrersOptions): Promise<readonly Descriptor[]>;
  /**
   * Deletes a tag, or a manifest with all its tags.
   *
   * @throws SlipwayError OCI_REFERENCE_INVALID, OCI_NOT_FOUND, OCI_REGISTRY_FAILED where the registry does not allow it
   */
  deleteManifest(tagOrDigest: string, options?: OperationOptions): Promise<void>;
  /** Deletes a blob. Manifests that name it can no longer be pulled. */
  deleteBlob(digest: Digest, options?: OperationOptions): Promise<void>;
}

/** Opens a repository itself, not a mirror of it. Nothing is asked before something is wanted; dispose of it when done. */
export async function openRepository(
  reference: Pick<RegistryReference, 'registry' | 'repository'>,
  options: RegistryOptions = {},
): Promise<Repository> {
  return new RemoteRepository(await openClient(reference.registry, reference.repository, options));
}

/**
 * Names of the repositories of a registry, as far as it tells. Public registries do not.
 *
 * @param registry `host[:port]`
 */
export async function* listRepositories(
  registry: string,
  options: RegistryOptions & OperationOptions = {},
): AsyncGenerator<string, void, undefined> {
  await using client = await openClient(registry, '', options);
  const request = {
    method: 'GET',
    target: '/v2/_catalog',
    actions: 'pull',
    doing: 'list the repositories of',
    expect: [200],
  } as const;
  yield* namesOf(client, request, 'repositories', isRepositoryName, options);
}

class RemoteRepository implements Repository {
  readonly name: string;
  readonly #client: RepositoryClient;

  constructor(client: RepositoryClient) {
    this.name = client.name;
    this.#client = client;
  }

  async *tags(options: OperationOptions = {}): AsyncGenerator<string, void, undefined> {
    const request = {
      method: 'GET',
      target: 'tags/list',
      actions: 'pull',
      doing: 'list the tags of',
      expect: [200],
    } as const;
    yield* namesOf(this.#client, request, 'tags', isTag, options);
  }

  async referrers(subject: Digest, options: ReferrersOptions = {}): Promise<readonly Descriptor[]> {
    return await listReferrers(this.#client, subject, options);
  }

  async deleteManifest(tagOrDigest: string, options: OperationOptions = {}): Promise<void> {
    if (!isTag(tagOrDigest) && !isDigest(tagOrDigest)) {
      throw new SlipwayError(
        'OCI_REFERENCE_INVALID',
        `cannot delete ${JSON.stringify(tagOrDigest.slice(0, 200))} from ${this.name}: it is neither a tag nor a digest`,
      );
    }
    await this.#delete(`manifests/${tagOrDigest}`, `delete ${tagOrDigest} from`, options);
  }

  async deleteBlob(digest: Digest, options: OperationOptions = {}): Promise<void> {
    await this.#delete(`blobs/${digest}`, `delete the blob ${digest} from`, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]();
  }

  async #delete(target: string, doing: string, options: OperationOptions): Promise<void> {
    const request = { method: 'DELETE', target, actions: 'delete', doing } as const;
    let attempts = 0;
    await withRetries(this.#client.retry, options, async () => {
      attempts += 1;
      // An answer that was lost may have been to what has been done: then it is not there any more.
      const expect = attempts === 1 ? [202] : [202, 404];
      const response = await this.#client.requestOnce({ ...request, expect }, options);
      await response.discard();
    });
  }
}

async function openClient(
  registry: string,
  repository: string,
  options: RegistryOptions,
): Promise<RepositoryClient> {
  const place: RegistryReference = {
    kind: 'registry',
    registry,
    repository,
    tag: undefined,
    digest: undefined,
  };
  const location = pushLocation(place, options.registries ?? (await loadRegistriesConf()));
  const credentials = options.credentials ?? machineCredentials();
  return new RepositoryClient(location, credentials, options);
}
