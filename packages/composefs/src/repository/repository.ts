import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, type OperationOptions, SlipwayError } from '@slipway/core';
import { checkRepository, type FsckFinding, type FsckOptions } from './fsck.ts';
import { collectGarbage, type GarbageOptions, type GarbageReport } from './gc.ts';
import { ioError } from './io-error.ts';
import { META_FILE } from './layout.ts';
import { META_LIMIT_BYTES, parseMeta } from './meta.ts';
import { type Reachable, type Roots, reachableFrom } from './reachable.ts';
import { gatherStatistics, type RepositoryStatistics } from './statistics.ts';
import { Store } from './store.ts';

/**
 * An object store: `objects/` named by fs-verity digest, `images/` that may be mounted, `streams/` that keep objects alive
 * (DESIGN.md section 3).
 *
 * Order of writing, which makes every power cut harmless: objects first, then {@link sync}, then what refers to them
 * ({@link putImage} and {@link putStream} sync by themselves). Whoever adds objects holds {@link lock}
 * `shared` from before the first one until an image or stream refers to them; else garbage collection in another process may
 * take them away in between.
 */
export class Repository extends Store {
  /** Everything needed to have these images and streams whole. See {@link reachableFrom}. */
  reachable(roots: Roots): Reachable {
    return reachableFrom(this, roots);
  }

  /** Removes every object that no image and no stream needs. See {@link collectGarbage}. */
  async gc(options: GarbageOptions & OperationOptions = {}): Promise<GarbageReport> {
    return await collectGarbage(this, options);
  }

  /** Reads everything and says what is wrong. See {@link checkRepository}. */
  async fsck(options: FsckOptions & OperationOptions = {}): Promise<readonly FsckFinding[]> {
    return await checkRepository(this, options);
  }

  /** Counts what is here. */
  statistics(): RepositoryStatistics {
    return gatherStatistics(this);
  }
}

/**
 * Opens a repository that exists.
 *
 * @throws SlipwayError REPOSITORY_INVALID when there is none, or one this version does not understand
 */
export async function openRepository(path: string): Promise<Repository> {
  return new Repository(path, parseMeta(readMeta(path), path));
}

function readMeta(path: string): string {
  const file = join(path, META_FILE);
  try {
    if (statSync(file).size <= META_LIMIT_BYTES) return readFileSync(file, 'utf8');
  } catch (cause) {
    if (errnoOf(cause) !== 'ENOENT' && errnoOf(cause) !== 'ENOTDIR')
      throw ioError('open the object store', file, cause);
    throw new SlipwayError('REPOSITORY_INVALID', `cannot open ${path}: it is not an object store`, {
      hint: existsSync(path) ? `there is no ${META_FILE} in it` : 'there is no such directory',
      details: { path },
      cause,
    });
  }
  throw new SlipwayError('REPOSITORY_INVALID', `cannot open ${path}: its ${META_FILE} is too long`, {
    details: { path },
  });
}
