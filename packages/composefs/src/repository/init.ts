import { fsyncSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { isSlipwayError, SlipwayError } from '@slipway/core';
import type { VerityAlgorithm } from '../verity/algorithm.ts';
import { ioError } from './io-error.ts';
import {
  IMAGES_DIRECTORY,
  META_FILE,
  OBJECTS_DIRECTORY,
  STREAMS_DIRECTORY,
  TEMP_DIRECTORY,
} from './layout.ts';
import { formatMeta, type RepositoryMeta, type VerityPolicy } from './meta.ts';
import { openRepository, Repository } from './repository.ts';
import { syncDirectory } from './sync.ts';
import { publishFile, UnfinishedFiles, writeFully } from './unfinished-file.ts';

/** What is decided once, when a repository is made. */
export interface InitOptions {
  /** Default sha256: what `mkcomposefs` writes, and the faster one. */
  readonly algorithm?: VerityAlgorithm;
  /** Default `try`. */
  readonly verity?: VerityPolicy;
}

/**
 * Makes a repository, or opens the one that is there when it was made with the same choices.
 *
 * A power cut leaves a directory without `meta.json`, which a second call completes, or a complete repository: `meta.json`
 * comes last, is synced first and appears whole. Two processes may do it at once.
 *
 * @throws SlipwayError REPOSITORY_INVALID when there is another one, VERITY_UNAVAILABLE, NO_SPACE, IO_FAILED
 */
export async function initRepository(path: string, options: InitOptions = {}): Promise<Repository> {
  const meta = { algorithm: options.algorithm ?? 'sha256', verity: options.verity ?? 'try' } as const;
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    for (const name of [OBJECTS_DIRECTORY, IMAGES_DIRECTORY, STREAMS_DIRECTORY]) {
      mkdirSync(join(path, name), { recursive: true, mode: 0o755 });
    }
    if (meta.verity === 'require') new Repository(path, meta).objects.requireSealing();
    publishMeta(path, meta);
  } catch (cause) {
    throw isSlipwayError(cause) ? cause : ioError('make an object store', path, cause);
  }
  return await openSame(path, meta);
}

function publishMeta(path: string, meta: RepositoryMeta): void {
  const file = new UnfinishedFiles(join(path, TEMP_DIRECTORY)).create(path);
  writeFully(file.fd, Buffer.from(formatMeta(meta), 'utf8'));
  fsyncSync(file.fd);
  publishFile(file, join(path, META_FILE));
  syncDirectory(path);
}

async function openSame(path: string, wanted: RepositoryMeta): Promise<Repository> {
  const repository = await openRepository(path);
  if (repository.algorithm === wanted.algorithm && repository.verity === wanted.verity) return repository;
  const found = `${repository.algorithm} and verity "${repository.verity}"`;
  throw new SlipwayError(
    'REPOSITORY_INVALID',
    `cannot make an object store at ${path}: there is one with ${found}`,
    {
      hint: 'use it as it is, or choose another directory',
      details: { path },
    },
  );
}
