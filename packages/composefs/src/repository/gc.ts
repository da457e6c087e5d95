import { lstatSync, rmSync } from 'node:fs';
import { type OperationOptions, operation, startTask } from '@slipway/core';
import { ioError } from './io-error.ts';
import { leftovers, objectFiles } from './object-files.ts';
import { reachableFrom } from './reachable.ts';
import type { Store } from './store.ts';

/** What stays. */
export interface GarbageOptions {
  /** Ids of the images to keep; the others are removed, unless something under `images/refs/` names them. Undefined keeps all. */
  readonly keepImages?: Iterable<string>;
  /**
   * Names of the streams to keep, with the streams they name; the others are removed, unless something under `streams/refs/` needs
   * them. Undefined keeps all.
   */
  readonly keepStreams?: Iterable<string>;
  /** Only say what would be removed. */
  readonly dryRun?: boolean;
  /** How long to wait for the others who use the store. Default 0: give up at once, there is always a next time. */
  readonly waitMs?: number;
}

/** What went, or would go. */
export interface GarbageReport {
  readonly removedImages: readonly string[];
  readonly removedStreams: readonly string[];
  readonly removedObjects: number;
  /** Disk space given back. */
  readonly freedBytes: number;
}

/** What goes: names first, then files. */
interface GarbagePlan {
  readonly images: readonly string[];
  readonly streams: readonly string[];
  readonly files: readonly string[];
  /** How many of the files are objects; the rest was left by killed processes. */
  readonly objects: number;
}

/** `st_blocks` counts these. */
const STAT_BLOCK_BYTES = 512;

/**
 * Removes every object that no kept image and no kept stream needs, alone in the store.
 *
 * Nothing is removed when anything kept cannot be read: what it needs would be unknown. Names go first and are synced, then
 * objects: a power cut leaves objects nobody needs, which the next run removes, never a name without its objects.
 *
 * @throws SlipwayError REPOSITORY_LOCKED when the store is in use, OBJECT_CORRUPT, OBJECT_MISSING, EROFS_INVALID,
 *   REPOSITORY_INVALID when something kept cannot be read
 */
export async function collectGarbage(
  repository: Store,
  options: GarbageOptions & OperationOptions = {},
): Promise<GarbageReport> {
  const { signal, log } = operation(options);
  const dryRun = options.dryRun ?? false;
  using _lock = await repository.lock(dryRun ? 'shared' : 'exclusive', {
    signal,
    waitMs: options.waitMs ?? 0,
  });

  const plan = planGarbage(repository, options);
  if (!dryRun) removeNames(repository, plan);
  const freedBytes = removeFiles(plan.files, dryRun, options);
  const removedObjects = plan.objects;
  log.info('collected garbage', { removedObjects, freedBytes, dryRun });
  return { removedImages: plan.images, removedStreams: plan.streams, removedObjects, freedBytes };
}

function planGarbage(repository: Store, options: GarbageOptions): GarbagePlan {
  const images = repository.listImages();
  const streams = repository.listStreams();
  const wantedImages = new Set(options.keepImages ?? images);
  // What another program gave a name is not ours to take away.
  for (const { target } of repository.imageRefs.list()) wantedImages.add(target);
  const kept = reachableFrom(repository, {
    images: images.filter((id) => wantedImages.has(id)),
    streams: [
      ...(options.keepStreams ?? streams),
      ...repository.streamRefs.list().map(({ target }) => target),
    ],
  });
  const files: string[] = [];
  for (const { path, digest } of objectFiles(repository)) {
    // A file that is not named like an object was not put there by us; it is not ours to remove.
    if (digest !== undefined && !kept.objects.has(digest)) files.push(path);
  }
  const objects = files.length;
  return {
    images: images.filter((id) => !kept.images.has(id)),
    streams: streams.filter((name) => !kept.streams.has(name)),
    files: [...files, ...leftovers(repository)],
    objects,
  };
}

function removeNames(repository: Store, plan: GarbagePlan): void {
  for (const id of plan.images) repository.images.remove(id);
  for (const name of plan.streams) repository.streams.remove(name);
  repository.images.syncDirectory();
  repository.streams.syncDirectory();
}

function removeFiles(files: readonly string[], dryRun: boolean, options: OperationOptions): number {
  const { signal, progress } = operation(options);
  const task = startTask(progress, 'collect garbage', 'items', files.length);
  let freedBytes = 0;
  for (const path of files) {
    signal.throwIfAborted();
    freedBytes += removeFile(path, dryRun);
    task.advance(1);
  }
  task.end();
  return freedBytes;
}

function removeFile(path: string, dryRun: boolean): number {
  try {
    const { blocks } = lstatSync(path);
    if (!dryRun) rmSync(path);
    return blocks * STAT_BLOCK_BYTES;
  } catch (cause) {
    throw ioError('remove an object', path, cause);
  }
}
