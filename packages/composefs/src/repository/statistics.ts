import { lstatSync } from 'node:fs';
import { ioError } from './io-error.ts';
import { objectFiles } from './object-files.ts';
import type { Store } from './store.ts';

/** What a repository holds. */
export interface RepositoryStatistics {
  readonly objects: number;
  /** Sum of the lengths of all objects. */
  readonly objectBytes: number;
  /** Disk space they take. */
  readonly allocatedBytes: number;
  readonly images: number;
  readonly streams: number;
}

const STAT_BLOCK_BYTES = 512;

/** Counts objects, images and streams by their names and lengths; no object is read. */
export function gatherStatistics(repository: Store): RepositoryStatistics {
  let objects = 0;
  let objectBytes = 0;
  let allocatedBytes = 0;
  for (const { path, digest } of objectFiles(repository)) {
    if (digest === undefined) continue;
    try {
      const { size, blocks } = lstatSync(path);
      objects += 1;
      objectBytes += size;
      allocatedBytes += blocks * STAT_BLOCK_BYTES;
    } catch (cause) {
      throw ioError('count objects', path, cause);
    }
  }
  const images = repository.listImages().length;
  const streams = repository.listStreams().length;
  return { objects, objectBytes, allocatedBytes, images, streams };
}
