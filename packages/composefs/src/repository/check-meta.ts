/** The `meta.json` of a store: what was decided when it was made, in no other place. */
import { fsyncSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, isSlipwayError } from '@slipway/core';
import type { VerityAlgorithm } from '../verity/algorithm.ts';
import type { FsckFinding } from './fsck.ts';
import { ioError } from './io-error.ts';
import { isDigestHex, META_FILE, OBJECTS_DIRECTORY, TEMP_DIRECTORY } from './layout.ts';
import { formatMeta, META_DAMAGED, nearestMetas, parseMeta, type RepositoryMeta } from './meta.ts';
import { syncDirectory } from './sync.ts';
import { publishFile, UnfinishedFiles, writeFully } from './unfinished-file.ts';

/**
 * Finds a `meta.json` that is missing or not as it was written. Repair writes the one it was, where that is certain: nearly one that is written
 * here, and of the algorithm that the names of the objects show. A cut leaves the damaged one or the right one.
 *
 * @throws SlipwayError IO_FAILED, NO_SPACE
 */
export async function checkRepositoryMeta(
  path: string,
  { repair }: { readonly repair: boolean },
): Promise<FsckFinding | undefined> {
  const file = join(path, META_FILE);
  const finding = { kind: 'meta-damaged', name: file } as const;
  try {
    const text = readText(file);
    if (text === undefined) return { ...finding, message: `it is missing; ${WHAT_TO_DO}`, repaired: false };
    const wrong = wrongWith(text, path);
    if (wrong === undefined) return undefined;
    const algorithm = algorithmOfObjects(path);
    const [was, ...others] = nearestMetas(text).filter((meta) => meta.algorithm === algorithm);
    if (was === undefined || others.length > 0) {
      return { ...finding, message: `${wrong}; ${WHAT_TO_DO}`, repaired: false };
    }
    if (repair) replaceMeta(path, was);
    return { ...finding, message: wrong, repaired: repair };
  } catch (cause) {
    throw isSlipwayError(cause) ? cause : ioError('check the object store', file, cause);
  }
}

const WHAT_TO_DO =
  'what it said cannot be told for certain: write it again by hand, as that of a host that was installed in the same way';

function wrongWith(text: string, path: string): string | undefined {
  try {
    parseMeta(text, path);
    return undefined;
  } catch (thrown) {
    if (!isSlipwayError(thrown, 'REPOSITORY_INVALID')) throw thrown;
    return nearestMetas(text).length > 0 ? META_DAMAGED : thrown.message;
  }
}

/** By the length of their names; undefined where there are none, or of both. */
function algorithmOfObjects(path: string): VerityAlgorithm | undefined {
  const objects = join(path, OBJECTS_DIRECTORY);
  const found = new Set<VerityAlgorithm>();
  for (const start of readdirSync(objects)) {
    if (!/^[0-9a-f]{2}$/.test(start)) continue;
    for (const rest of readdirSync(join(objects, start))) {
      for (const algorithm of ['sha256', 'sha512'] as const) {
        if (isDigestHex(`${start}${rest}`, algorithm)) found.add(algorithm);
      }
    }
  }
  const [only, ...others] = found;
  return others.length === 0 ? only : undefined;
}

function replaceMeta(path: string, meta: RepositoryMeta): void {
  const fresh = join(path, `.${META_FILE}.new`);
  rmSync(fresh, { force: true });
  const file = new UnfinishedFiles(join(path, TEMP_DIRECTORY)).create(path);
  writeFully(file.fd, Buffer.from(formatMeta(meta), 'utf8'));
  fsyncSync(file.fd);
  publishFile(file, fresh);
  renameSync(fresh, join(path, META_FILE));
  syncDirectory(path);
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
}
