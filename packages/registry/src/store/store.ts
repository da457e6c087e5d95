import { mkdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf, type Logger, messageOf, SlipwayError } from '@slipway/core';
import {
  blobPath,
  type Descriptor,
  type Digest,
  digestAlgorithm,
  digestOf,
  MAX_MANIFEST_BYTES,
  openBlobFile,
  openLayoutWriter,
  readLayoutIndex,
} from '@slipway/oci';
import { RegistryFailure } from '../failure.ts';
import type { ManifestReference } from '../http/route.ts';
import { adoptImage } from './adopt.ts';
import { makeDirectoryDurably, syncDirectory, writeDurably } from './durable.ts';
import { StoreLock } from './lock.ts';
import type { StoredManifest } from './manifest.ts';
import type { ManifestRecord } from './manifest-record.ts';
import { FileMembers, type Members } from './members.ts';
import { OverlayMembers } from './overlay-members.ts';
import { temporaryPath, uploadsPath } from './paths.ts';
import { type TagSnapshot, Tags } from './tags.ts';
import { type Chunk, Uploads } from './uploads.ts';

/** A manifest as a pull finds it. */
export interface FoundManifest {
  readonly digest: Digest;
  readonly record: ManifestRecord;
}

/** Repositories in a directory that is an OCI layout. */
export class Store implements AsyncDisposable {
  readonly root: string;
  readonly members: Members;
  readonly uploads: Uploads;
  readonly #tags: Tags;
  readonly #lock: StoreLock;
  readonly #log: Logger;
  /** Entries of `index.json` whose manifests were seen in their repositories. */
  readonly #adopted = new Set<string>();
  #adoptedVersion = '';

  private constructor(root: string, members: Members, lock: StoreLock, log: Logger) {
    this.root = root;
    this.members = members;
    this.uploads = new Uploads(root);
    this.#tags = new Tags(root);
    this.#lock = lock;
    this.#log = log;
  }

  /**
   * Opens a directory, and makes it a layout when it is empty or missing.
   *
   * @throws SlipwayError OCI_LAYOUT_INVALID when it holds something else
   */
  static async open(root: string, log: Logger): Promise<Store> {
    const made = await mkdir(root, { recursive: true });
    await using _layout = await openLayoutWriter(root);
    for (const path of [uploadsPath(root), temporaryPath(root)]) await makeDirectoryDurably(path);
    for (const path of [join(root, 'blobs'), root]) await syncDirectory(path);
    if (made !== undefined) await syncDirectory(dirname(made));
    return await Store.#ready(new Store(root, new FileMembers(root), await StoreLock.open(root), log));
  }

  /**
   * Opens a layout to read from it. Nothing is written, so it may be on a file system that is read-only.
   *
   * @throws SlipwayError OCI_LAYOUT_INVALID when there is none
   */
  static async openReadOnly(root: string, log: Logger): Promise<Store> {
    if ((await readLayoutIndex(root)) === undefined) {
      throw new SlipwayError('OCI_LAYOUT_INVALID', `cannot serve ${root}: it is not an OCI layout`, {
        hint: 'name the directory that holds oci-layout, index.json and blobs, or let the registry write',
      });
    }
    const members = new OverlayMembers(new FileMembers(root));
    return await Store.#ready(new Store(root, members, await StoreLock.open(root), log));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lock[Symbol.asyncDispose]();
  }

  /** All tags; those another tool wrote into the layout belong to their repositories from now on. */
  async tags(): Promise<TagSnapshot> {
    const snapshot = await this.#tags.read();
    if (snapshot.version !== this.#adoptedVersion) await this.#adopt(snapshot);
    return snapshot;
  }

  /** The tags as they stand in `index.json`, for whoever holds the lock already. */
  async currentTags(): Promise<TagSnapshot> {
    return await this.#tags.read();
  }

  /** The manifest a tag or digest names in a repository. */
  async findManifest(repository: string, reference: ManifestReference): Promise<FoundManifest | undefined> {
    const digest = await this.#digestOf(repository, reference);
    const record = digest === undefined ? undefined : await this.members.manifest(repository, digest);
    return digest === undefined || record === undefined ? undefined : { digest, record };
  }

  /**
   * The bytes of a manifest, checked: a store that rots must not pass it on.
   *
   * @throws RegistryFailure UNKNOWN; SlipwayError OCI_NOT_FOUND when they are gone
   */
  async readManifest(digest: Digest): Promise<Buffer> {
    const { handle, sizeBytes } = await openBlobFile(this.root, digest);
    await using file = handle;
    if (sizeBytes <= MAX_MANIFEST_BYTES) {
      const bytes = await file.readFile();
      if (digestOf(bytes, digestAlgorithm(digest)) === digest) return bytes;
    }
    throw new RegistryFailure('UNKNOWN', `the manifest ${digest} is damaged: push it again`);
  }

  /**
   * Adds a manifest to a repository, and points a tag at it. In this order, each on the disk before the next: the bytes,
   * the record, the tag. A power cut leaves a manifest without a tag, which a repeated push completes, or bytes
   * nobody refers to, which the garbage collection removes.
   *
   * @throws RegistryFailure MANIFEST_BLOB_UNKNOWN when the repository lacks what the manifest needs
   */
  async putManifest(
    repository: string,
    digest: Digest,
    bytes: Uint8Array,
    { record, blobs, manifests }: StoredManifest,
    tags: readonly string[],
  ): Promise<void> {
    await this.#lock.run(async () => {
      await this.#requireParts(repository, blobs, manifests);
      const path = blobPath(this.root, digest);
      await makeDirectoryDurably(dirname(path));
      await writeDurably(path, bytes, temporaryPath(this.root));
      await this.members.addManifest(repository, digest, record);
      for (const tag of tags) await this.#tags.set(repository, tag, toDescriptor(digest, record));
    });
  }

  /** Removes a tag, or a manifest with all its tags; false when there is none. */
  async removeManifest(repository: string, reference: ManifestReference): Promise<boolean> {
    return await this.#lock.run(async () => {
      if (reference.kind === 'tag') {
        return (await this.#tags.remove(repository, (tag) => tag === reference.tag)) > 0;
      }
      if (reference.kind === 'invalid') return false;
      // Tags first: a power cut must not leave one that points at nothing.
      await this.#tags.remove(repository, (_, { digest }) => digest === reference.digest);
      return await this.members.removeManifest(repository, reference.digest);
    });
  }

  /** Whether a repository has a blob. Manifests count: some clients ask for them so. */
  async hasBlob(repository: string, digest: Digest): Promise<boolean> {
    const isMember =
      (await this.members.hasBlob(repository, digest)) ||
      (await this.members.manifest(repository, digest)) !== undefined;
    return isMember && (await this.hasBytes(digest));
  }

  /** Whether the bytes of a digest are here, in whatever repository. */
  async hasBytes(digest: Digest): Promise<boolean> {
    try {
      return (await stat(blobPath(this.root, digest))).isFile();
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return false;
      throw error;
    }
  }

  /** Finishes an upload: the blob is on the disk under its name, then it is in the repository, then this returns. */
  async finishUpload(repository: string, id: string, digest: Digest, chunk: Chunk): Promise<number> {
    return await this.uploads.finish(repository, id, digest, chunk, (rename) =>
      this.#lock.run(async () => {
        const directory = dirname(blobPath(this.root, digest));
        await makeDirectoryDurably(directory);
        // Over the one that is there, if one is: pushing again is how a damaged blob is healed.
        await rename();
        await syncDirectory(directory);
        await this.members.addBlob(repository, digest);
      }),
    );
  }

  /** Adds a blob of another repository, of any when none is named; false when it is not there. */
  async mountBlob(repository: string, digest: Digest, from: string | undefined): Promise<boolean> {
    return await this.#lock.run(async () => {
      const isMember = from === undefined || (await this.members.hasBlob(from, digest));
      if (!isMember || !(await this.hasBytes(digest))) return false;
      await this.members.addBlob(repository, digest);
      return true;
    });
  }

  /** Takes a blob out of a repository; its bytes go with the next garbage collection when nobody else has it. */
  async removeBlob(repository: string, digest: Digest): Promise<boolean> {
    return await this.#lock.run(() => this.members.removeBlob(repository, digest));
  }

  /** Does something while nothing changes here. */
  async exclusively<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return await this.#lock.run(work, signal);
  }

  static async #ready(store: Store): Promise<Store> {
    try {
      await store.tags();
      return store;
    } catch (error) {
      await store[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #digestOf(repository: string, reference: ManifestReference): Promise<Digest | undefined> {
    if (reference.kind === 'digest') return reference.digest;
    if (reference.kind === 'invalid') return undefined;
    return (await this.tags()).repositories.get(repository)?.get(reference.tag)?.digest;
  }

  async #requireParts(
    repository: string,
    blobs: readonly Digest[],
    manifests: readonly Digest[],
  ): Promise<void> {
    for (const digest of blobs) {
      if (!(await this.hasBlob(repository, digest))) throw missingPart('blob', digest);
    }
    for (const digest of manifests) {
      const isThere = (await this.members.manifest(repository, digest)) !== undefined;
      if (!isThere || !(await this.hasBytes(digest))) throw missingPart('manifest', digest);
    }
  }

  async #adopt(snapshot: TagSnapshot): Promise<void> {
    await this.#lock.run(async () => {
      for (const [repository, tags] of snapshot.repositories) {
        for (const [tag, { digest }] of tags) {
          const key = `${repository}@${digest}`;
          if (this.#adopted.has(key)) continue;
          this.#adopted.add(key);
          await adoptImage(this, repository, digest).catch((error: unknown) => {
            this.#log.warn('cannot serve an image of the layout', {
              repository,
              tag,
              reason: messageOf(error),
            });
          });
        }
      }
    });
    this.#adoptedVersion = snapshot.version;
  }
}

function toDescriptor(digest: Digest, { mediaType, sizeBytes }: ManifestRecord): Descriptor {
  return { mediaType, digest, size: sizeBytes };
}

function missingPart(what: string, digest: Digest): RegistryFailure {
  return new RegistryFailure('MANIFEST_BLOB_UNKNOWN', `the repository lacks the ${what} ${digest}`, {
    detail: { digest },
  });
}
