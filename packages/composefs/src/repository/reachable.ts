import { SlipwayError } from '@slipway/core';
import { imageObjects } from './image-objects.ts';
import type { Splitstream } from './splitstream.ts';
import type { Store } from './store.ts';

/** Where to begin. */
export interface Roots {
  readonly images: Iterable<string>;
  readonly streams: Iterable<string>;
}

/** What is needed to have the roots whole: what garbage collection leaves, and what a copy of the store must hold. */
export interface Reachable {
  readonly images: ReadonlySet<string>;
  /** Name of each record and the object it is. */
  readonly streams: ReadonlyMap<string, string>;
  /** Every object: images and records themselves, and the files they need. */
  readonly objects: ReadonlySet<string>;
}

/**
 * Follows images to their files and streams to their objects and to the streams they name; streams of composefs-rs as well, which name
 * each other, and images, by digest.
 *
 * @throws SlipwayError OBJECT_MISSING, OBJECT_CORRUPT, EROFS_INVALID, REPOSITORY_INVALID when a root cannot be read, or
 *   was written by a program not known here: what it needs is not known then
 */
export function reachableFrom(repository: Store, roots: Roots): Reachable {
  const objects = new Set<string>();
  const images = new Set(roots.images);
  for (const id of images) {
    objects.add(id);
    for (const digest of imageObjects(repository, id)) objects.add(digest);
  }
  const streams = new Map<string, string>();
  const foreign = new ForeignStreams(repository, { images, objects });
  // A Set is walked in the order of insertion, names added on the way included.
  const pending = new Set(roots.streams);
  for (const name of pending) {
    const own = repository.streams.get(name);
    // A record may outlive one it names, as a manifest whose layer was dropped by repair; the next pull restores it.
    if (own === undefined) continue;
    streams.set(name, own);
    objects.add(own);
    const record = repository.readStream(name);
    if (record === undefined) {
      foreign.follow(own, repository.readSplitstream(name) ?? unknown(name));
      continue;
    }
    for (const digest of record.objects) objects.add(Buffer.from(digest).toString('hex'));
    for (const named of record.streams) pending.add(named);
  }
  for (const [name, digest] of foreign.names()) streams.set(name, digest);
  return { images, streams, objects };
}

/** Streams of composefs-rs, from each to those it refers to. */
class ForeignStreams {
  readonly #repository: Store;
  readonly #found: { readonly images: Set<string>; readonly objects: Set<string> };
  readonly #seen = new Set<string>();

  constructor(repository: Store, found: { readonly images: Set<string>; readonly objects: Set<string> }) {
    this.#repository = repository;
    this.#found = found;
  }

  /** Not by recursion: how long a chain of them is says whoever wrote them. */
  follow(digest: string, first: Splitstream): void {
    const pending = this.#add(digest, first);
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      if (this.#seen.has(next)) continue;
      const stream = this.#referenced(next);
      if (stream !== undefined) pending.push(...this.#add(next, stream));
    }
  }

  /** Names of what was followed: it is found by them. */
  *names(): Generator<[name: string, digest: string], void, undefined> {
    if (this.#seen.size === 0) return;
    for (const name of this.#repository.listStreams()) {
      const digest = this.#repository.streams.get(name);
      if (digest !== undefined && this.#seen.has(digest)) yield [name, digest];
    }
  }

  #add(digest: string, { objects, streams }: Splitstream): string[] {
    this.#seen.add(digest);
    this.#found.objects.add(digest);
    for (const object of objects) this.#found.objects.add(object);
    return [...streams];
  }

  /**
   * An image made from a stream's layers stays with it, in whichever format: the layers have all of its files. What is missing, bootc
   * misses as well.
   */
  #referenced(digest: string): Splitstream | undefined {
    this.#found.objects.add(digest);
    if (this.#repository.images.get(digest) === digest) this.#found.images.add(digest);
    else if (this.#repository.hasObject(digest)) return this.#repository.readSplitstreamObject(digest);
    return undefined;
  }
}

function unknown(name: string): never {
  throw new SlipwayError(
    'REPOSITORY_INVALID',
    `cannot tell what stream ${name} needs: a program not known here wrote it`,
    {
      hint: 'use that program to remove it, or leave it out of what is kept',
      details: { stream: name },
    },
  );
}
