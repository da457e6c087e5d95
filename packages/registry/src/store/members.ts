import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf } from '@slipway/core';
import { type Digest, isDigest, isRepositoryName } from '@slipway/oci';
import { makeDirectoryDurably, removeDurably, touchDurably, writeDurably } from './durable.ts';
import { formatRecord, type ManifestRecord, parseRecord } from './manifest-record.ts';
import {
  fileNameOf,
  type MemberKind,
  memberDirectory,
  memberPath,
  referrersPath,
  repositoriesPath,
  temporaryPath,
} from './paths.ts';

/**
 * Which blobs and manifests belong to which repository: a blob is stored once, and pulled only from the repositories it
 * was pushed to or mounted into.
 */
export interface Members {
  /** Whether a blob may be pulled from a repository. */
  hasBlob(repository: string, digest: Digest): Promise<boolean>;
  /** Adds a blob that is on the disk. */
  addBlob(repository: string, digest: Digest): Promise<void>;
  /** Takes a blob out of a repository; false when it was not in it. */
  removeBlob(repository: string, digest: Digest): Promise<boolean>;
  /** The record of a manifest; undefined when the repository has none. */
  manifest(repository: string, digest: Digest): Promise<ManifestRecord | undefined>;
  /** Adds a manifest that is on the disk. */
  addManifest(repository: string, digest: Digest, record: ManifestRecord): Promise<void>;
  /** Takes a manifest out of a repository; false when it was not in it. */
  removeManifest(repository: string, digest: Digest): Promise<boolean>;
  /** Digests of the manifests whose subject a digest is, sorted. Some may have no record any more. */
  referrers(repository: string, subject: Digest): Promise<readonly Digest[]>;
  /** Digests of the blobs or manifests of a repository. */
  list(repository: string, kind: MemberKind): Promise<readonly Digest[]>;
  /** Names of all repositories that ever had anything, in no order. */
  repositories(): AsyncIterable<string>;
}

/**
 * Members as files (`paths.ts` says where).
 *
 * Changes are made under the lock of the store. Each is one file: a power cut leaves it or not, and none refers to what
 * is not there, because whoever adds one has put the blob on the disk before.
 */
export class FileMembers implements Members {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async hasBlob(repository: string, digest: Digest): Promise<boolean> {
    return await isThere(memberPath(this.#root, repository, '_blobs', digest));
  }

  async addBlob(repository: string, digest: Digest): Promise<void> {
    const path = memberPath(this.#root, repository, '_blobs', digest);
    await makeDirectoryDurably(dirname(path));
    await touchDurably(path);
  }

  async removeBlob(repository: string, digest: Digest): Promise<boolean> {
    return await removeDurably(memberPath(this.#root, repository, '_blobs', digest));
  }

  async manifest(repository: string, digest: Digest): Promise<ManifestRecord | undefined> {
    try {
      return parseRecord(await readFile(memberPath(this.#root, repository, '_manifests', digest), 'utf8'));
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }

  /** The list of referrers comes first: it may name a record that is not there. */
  async addManifest(repository: string, digest: Digest, record: ManifestRecord): Promise<void> {
    if (record.subject !== undefined) {
      const referrer = join(referrersPath(this.#root, repository, record.subject), fileNameOf(digest));
      await makeDirectoryDurably(dirname(referrer));
      await touchDurably(referrer);
    }
    const path = memberPath(this.#root, repository, '_manifests', digest);
    await makeDirectoryDurably(dirname(path));
    await writeDurably(path, formatRecord(record), temporaryPath(this.#root));
  }

  async removeManifest(repository: string, digest: Digest): Promise<boolean> {
    const record = await this.manifest(repository, digest);
    const isRemoved = await removeDurably(memberPath(this.#root, repository, '_manifests', digest));
    if (record?.subject !== undefined) {
      await removeDurably(join(referrersPath(this.#root, repository, record.subject), fileNameOf(digest)));
    }
    return isRemoved;
  }

  async referrers(repository: string, subject: Digest): Promise<readonly Digest[]> {
    const names = await namesIn(referrersPath(this.#root, repository, subject));
    return names
      .map((name) => name.replace('-', ':'))
      .filter(isDigest)
      .toSorted();
  }

  async list(repository: string, kind: MemberKind): Promise<readonly Digest[]> {
    const digests: Digest[] = [];
    for (const algorithm of ['sha256', 'sha512']) {
      const names = await namesIn(memberDirectory(this.#root, repository, kind, algorithm));
      for (const name of names) {
        const digest = `${algorithm}:${name}`;
        if (isDigest(digest)) digests.push(digest);
      }
    }
    return digests;
  }

  async *repositories(): AsyncGenerator<string, void, undefined> {
    yield* this.#repositoriesBelow('');
  }

  async *#repositoriesBelow(parent: string): AsyncGenerator<string, void, undefined> {
    const names = await namesIn(join(repositoriesPath(this.#root), parent));
    if (names.some((name) => name.startsWith('_'))) yield parent;
    for (const name of names) {
      const repository = parent === '' ? name : `${parent}/${name}`;
      if (isRepositoryName(repository)) yield* this.#repositoriesBelow(repository);
    }
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (isAbsent(error)) return false;
    throw error;
  }
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

/** A name may be too long for the file system where it is not too long for the specification: then it is not there. */
function isAbsent(thrown: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'].includes(errnoOf(thrown) ?? '');
}
