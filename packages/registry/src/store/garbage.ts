/** What nobody can reach any more, and its removal. */

import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  errnoOf,
  type Logger,
  messageOf,
  type OperationOptions,
  SlipwayError,
  silentLog,
} from '@slipway/core';
import { blobPath, type Digest, isDigest, readLayoutIndex } from '@slipway/oci';
import { syncDirectory } from './durable.ts';
import { parseStored, type StoredManifest } from './manifest.ts';
import { FileMembers } from './members.ts';
import { type MemberKind, memberPath, temporaryPath, uploadsPath } from './paths.ts';
import { Store } from './store.ts';
import type { TagSnapshot } from './tags.ts';

/** Options of {@link collectGarbage}. */
export interface GarbageOptions extends OperationOptions {
  /** The directory a registry serves; it may go on serving it. */
  readonly root: string;
  /** What is younger stays: a push under way has blobs no manifest names yet. Default: a day. */
  readonly graceMs?: number;
  /** Also remove manifests without a tag, unless a tagged index lists them or they are about one that stays. */
  readonly deleteUntagged?: boolean;
  /** Count only. */
  readonly dryRun?: boolean;
}

/** What was removed, or would be. */
export interface GarbageReport {
  readonly removedManifests: number;
  readonly removedBlobs: number;
  readonly removedBytes: number;
  /** Uploads and temporary files that were left behind. */
  readonly removedLeftovers: number;
  readonly keptBlobs: number;
  readonly keptBytes: number;
}

const DAY_MS = 86_400_000;
const LEFTOVER = /^\.slipway-put-[0-9a-f]+$/;

/**
 * Removes what no repository needs. Pulls go on meanwhile; pushes wait.
 *
 * In this order, so that a power cut leaves nothing that refers to what is gone: records of manifests, then of blobs in repositories,
 * then the bytes.
 *
 * @throws SlipwayError OCI_LAYOUT_INVALID
 */
export async function collectGarbage(options: GarbageOptions): Promise<GarbageReport> {
  const log = options.log ?? silentLog;
  if ((await readLayoutIndex(options.root)) === undefined) {
    throw new SlipwayError(
      'OCI_LAYOUT_INVALID',
      `cannot collect garbage in ${options.root}: it is no registry`,
      {
        hint: 'name the directory slipway registry serve was given',
      },
    );
  }
  await using store = await Store.open(options.root, log);
  return await store.exclusively(async () => {
    const collection = new Collection(store, options, log);
    const live = await collection.mark();
    return await collection.sweep(live);
  }, options.signal);
}

/** What stays. */
interface Live {
  /** By repository: manifests, and the blobs they name. */
  readonly repositories: ReadonlyMap<string, ReadonlySet<Digest>>;
  /** Entries of `index.json` that belong to no repository, with all they name. */
  readonly foreign: ReadonlySet<Digest>;
}

class Collection {
  readonly #store: Store;
  readonly #members: FileMembers;
  readonly #options: GarbageOptions;
  readonly #log: Logger;
  readonly #beforeMs: number;

  constructor(store: Store, options: GarbageOptions, log: Logger) {
    this.#store = store;
    this.#members = new FileMembers(store.root);
    this.#options = options;
    this.#log = log;
    this.#beforeMs = Date.now() - (options.graceMs ?? DAY_MS);
  }

  async mark(): Promise<Live> {
    const snapshot = await this.#store.currentTags();
    const repositories = new Map<string, ReadonlySet<Digest>>();
    for await (const repository of this.#members.repositories()) {
      this.#options.signal?.throwIfAborted();
      const live = new Set<Digest>();
      for (const digest of await this.#liveManifests(repository, snapshot)) await this.#reach(digest, live);
      repositories.set(repository, live);
    }
    const foreign = new Set<Digest>();
    for (const digest of snapshot.others) await this.#reach(digest, foreign);
    return { repositories, foreign };
  }

  async sweep(live: Live): Promise<GarbageReport> {
    let removedManifests = 0;
    const members = new Set<Digest>(live.foreign);
    for (const [repository, digests] of live.repositories) {
      this.#options.signal?.throwIfAborted();
      removedManifests += await this.#sweepMembers(repository, '_manifests', digests, members);
      await this.#sweepMembers(repository, '_blobs', digests, members);
    }
    const removedLeftovers = await this.#sweepLeftovers();
    const counts = { removedBlobs: 0, removedBytes: 0, keptBlobs: 0, keptBytes: 0 };
    for (const algorithm of ['sha256', 'sha512']) await this.#sweepBlobs(algorithm, members, counts);
    return { removedManifests, removedLeftovers, ...counts };
  }

  /** Manifests a repository keeps: all, or those its tags lead to and those about them. */
  async #liveManifests(repository: string, { repositories }: TagSnapshot): Promise<ReadonlySet<Digest>> {
    const all = await this.#members.list(repository, '_manifests');
    if (this.#options.deleteUntagged !== true) return new Set(all);
    const live = new Set<Digest>();
    const queue = [...(repositories.get(repository)?.values() ?? [])].map(({ digest }) => digest);
    for (const digest of all) if (await this.#isYoung(repository, '_manifests', digest)) queue.push(digest);
    for (let digest = queue.pop(); digest !== undefined; digest = queue.pop()) {
      if (live.has(digest)) continue;
      live.add(digest);
      const { manifests } = await this.#parts(digest);
      queue.push(...manifests, ...(await this.#members.referrers(repository, digest)));
    }
    return live;
  }

  /** Adds a manifest and all it names, in whatever repository. */
  async #reach(digest: Digest, live: Set<Digest>): Promise<void> {
    if (live.has(digest)) return;
    live.add(digest);
    const { blobs, manifests } = await this.#parts(digest);
    for (const blob of blobs) live.add(blob);
    for (const manifest of manifests) await this.#reach(manifest, live);
  }

  async #parts(digest: Digest): Promise<Pick<StoredManifest, 'blobs' | 'manifests'>> {
    const nothing = { blobs: [], manifests: [] };
    if (!(await this.#store.hasBytes(digest))) return nothing;
    try {
      return await parseStored(await this.#store.readManifest(digest));
    } catch (error) {
      // Nothing can be pulled by it either. It stays itself; its parts go when nobody else has them.
      this.#log.warn('cannot read a manifest', { digest, reason: messageOf(error) });
      return nothing;
    }
  }

  async #sweepMembers(
    repository: string,
    kind: MemberKind,
    live: ReadonlySet<Digest>,
    kept: Set<Digest>,
  ): Promise<number> {
    let removed = 0;
    for (const digest of await this.#members.list(repository, kind)) {
      if (live.has(digest) || (await this.#isYoung(repository, kind, digest))) {
        kept.add(digest);
        continue;
      }
      removed += 1;
      if (this.#options.dryRun === true) continue;
      if (kind === '_blobs') await this.#members.removeBlob(repository, digest);
      else await this.#members.removeManifest(repository, digest);
      this.#log.debug('taken out of a repository', { repository, digest });
    }
    for (const digest of live) kept.add(digest);
    return removed;
  }

  async #sweepBlobs(
    algorithm: string,
    kept: ReadonlySet<Digest>,
    counts: { removedBlobs: number; removedBytes: number; keptBlobs: number; keptBytes: number },
  ): Promise<void> {
    const directory = join(this.#store.root, 'blobs', algorithm);
    let isChanged = false;
    for (const name of await namesIn(directory)) {
      this.#options.signal?.throwIfAborted();
      const digest = `${algorithm}:${name}`;
      if (!isDigest(digest)) continue;
      const { size, mtimeMs } = await stat(blobPath(this.#store.root, digest));
      if (kept.has(digest) || mtimeMs >= this.#beforeMs) {
        counts.keptBlobs += 1;
        counts.keptBytes += size;
        continue;
      }
      counts.removedBlobs += 1;
      counts.removedBytes += size;
      if (this.#options.dryRun === true) continue;
      await rm(blobPath(this.#store.root, digest));
      isChanged = true;
    }
    if (isChanged) await syncDirectory(directory);
  }

  async #sweepLeftovers(): Promise<number> {
    const paths = [
      ...(await pathsIn(uploadsPath(this.#store.root))),
      ...(await pathsIn(temporaryPath(this.#store.root))),
      ...(await pathsIn(this.#store.root)).filter((path) =>
        LEFTOVER.test(path.slice(path.lastIndexOf('/') + 1)),
      ),
    ];
    let removed = 0;
    for (const path of paths) {
      if ((await stat(path)).mtimeMs >= this.#beforeMs) continue;
      removed += 1;
      if (this.#options.dryRun !== true) await rm(path, { force: true });
    }
    return removed;
  }

  async #isYoung(repository: string, kind: MemberKind, digest: Digest): Promise<boolean> {
    const { mtimeMs } = await stat(memberPath(this.#store.root, repository, kind, digest));
    return mtimeMs >= this.#beforeMs;
  }
}

async function pathsIn(directory: string): Promise<readonly string[]> {
  return (await namesIn(directory)).map((name) => join(directory, name));
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}
