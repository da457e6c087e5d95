import type { Digest } from '@slipway/oci';
import type { ManifestRecord } from './manifest-record.ts';
import type { Members } from './members.ts';
import type { MemberKind } from './paths.ts';

/** What one repository got since this process started. */
interface Added {
  readonly blobs: Set<Digest>;
  readonly manifests: Map<Digest, ManifestRecord>;
}

/** Members of a directory nobody may write to: what images of other tools add is only remembered. */
export class OverlayMembers implements Members {
  readonly #below: Members;
  readonly #added = new Map<string, Added>();

  constructor(below: Members) {
    this.#below = below;
  }

  async hasBlob(repository: string, digest: Digest): Promise<boolean> {
    const isAdded = this.#added.get(repository)?.blobs.has(digest) === true;
    return isAdded || (await this.#below.hasBlob(repository, digest));
  }

  async addBlob(repository: string, digest: Digest): Promise<void> {
    this.#of(repository).blobs.add(digest);
  }

  async removeBlob(): Promise<boolean> {
    throw readOnly();
  }

  async manifest(repository: string, digest: Digest): Promise<ManifestRecord | undefined> {
    const added = this.#added.get(repository)?.manifests.get(digest);
    return added ?? (await this.#below.manifest(repository, digest));
  }

  async addManifest(repository: string, digest: Digest, record: ManifestRecord): Promise<void> {
    this.#of(repository).manifests.set(digest, record);
  }

  async removeManifest(): Promise<boolean> {
    throw readOnly();
  }

  async referrers(repository: string, subject: Digest): Promise<readonly Digest[]> {
    const added = [...(this.#added.get(repository)?.manifests ?? [])]
      .filter(([, record]) => record.subject === subject)
      .map(([digest]) => digest);
    return distinct(added, await this.#below.referrers(repository, subject));
  }

  async list(repository: string, kind: MemberKind): Promise<readonly Digest[]> {
    const added = this.#added.get(repository);
    const here = kind === '_blobs' ? added?.blobs : added?.manifests.keys();
    return distinct([...(here ?? [])], await this.#below.list(repository, kind));
  }

  async *repositories(): AsyncGenerator<string, void, undefined> {
    yield* this.#added.keys();
    for await (const name of this.#below.repositories()) if (!this.#added.has(name)) yield name;
  }

  #of(repository: string): Added {
    const known = this.#added.get(repository);
    if (known !== undefined) return known;
    const added: Added = { blobs: new Set(), manifests: new Map() };
    this.#added.set(repository, added);
    return added;
  }
}

function distinct(a: readonly Digest[], b: readonly Digest[]): readonly Digest[] {
  return [...new Set([...a, ...b])].toSorted();
}

/** The endpoints refuse before this. */
function readOnly(): Error {
  return new Error('internal error: a change in a registry that is read-only');
}
