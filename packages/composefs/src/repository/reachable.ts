import { SlipwayError } from '@slipway/core';
import { imageObjects } from './image-objects.ts';
import type { Store } from './store.ts';
import type { StreamRecord } from './stream-record.ts';

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
 * Follows images to their files and streams to their objects and to the streams they name.
 *
 * @throws SlipwayError OBJECT_MISSING, OBJECT_CORRUPT, EROFS_INVALID, REPOSITORY_INVALID when a root cannot be read, or
 *   was written by another program: what it needs is not known then
 */
export function reachableFrom(repository: Store, roots: Roots): Reachable {
  const objects = new Set<string>();
  const images = new Set(roots.images);
  for (const id of images) {
    objects.add(id);
    for (const digest of imageObjects(repository, id)) objects.add(digest);
  }
  const streams = new Map<string, string>();
  // A Set is walked in the order of insertion, names added on the way included.
  const pending = new Set(roots.streams);
  for (const name of pending) {
    const own = repository.streams.get(name);
    // A record may outlive one it names, as a manifest whose layer was dropped by repair; the next pull restores it.
    if (own === undefined) continue;
    streams.set(name, own);
    objects.add(own);
    const record = requireRecord(repository, name);
    for (const digest of record.objects) objects.add(Buffer.from(digest).toString('hex'));
    for (const named of record.streams) pending.add(named);
  }
  return { images, streams, objects };
}

function requireRecord(repository: Store, name: string): StreamRecord {
  const record = repository.readStream(name);
  if (record !== undefined) return record;
  throw new SlipwayError(
    'REPOSITORY_INVALID',
    `cannot tell what stream ${name} needs: another program wrote it`,
    {
      hint: 'use that program to remove it, or leave it out of what is kept',
      details: { stream: name },
    },
  );
}
