/** Scripts in greenboot's directories: `/usr/lib/greenboot` is the image's, `/etc/greenboot` the machine's. */
import { lstat, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '@slipway/core';

/** A directory of scripts, below `greenboot`. */
export type ScriptPlace = 'check/required.d' | 'check/wanted.d' | 'green.d' | 'red.d';

/** A script to run. */
export interface HealthScript {
  readonly name: string;
  readonly path: string;
  /** False for a script that bash has to be given. */
  readonly executable: boolean;
}

/** Where greenboot's directories are, the image's before the machine's. */
export const GREENBOOT_DIRECTORIES: readonly string[] = ['/usr/lib/greenboot', '/etc/greenboot'];

/** More scripts than this in one place are a mistake. */
const MAX_SCRIPTS = 256;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
const LEFTOVER = /\.(?:dpkg-\w+|rpm\w+|bak|orig|swp)$/;

/**
 * The scripts of one place in the order of their names. A file of the machine stands for the image's file of the same name; a link
 * to `/dev/null` there means that the image's is not to run. Names that end in `.sh`, or files that are executable, are scripts.
 */
export async function listHealthScripts(
  place: ScriptPlace,
  roots: readonly string[] = GREENBOOT_DIRECTORIES,
): Promise<readonly HealthScript[]> {
  const byName = new Map<string, HealthScript | undefined>();
  for (const root of roots) {
    const directory = join(root, place);
    for (const name of await namesIn(directory)) {
      if (!NAME.test(name) || LEFTOVER.test(name)) continue;
      byName.set(name, await scriptAt(join(directory, name), name));
    }
  }
  return [...byName.entries()]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, script]) => script ?? [])
    .slice(0, MAX_SCRIPTS);
}

async function scriptAt(path: string, name: string): Promise<HealthScript | undefined> {
  const script = { name, path, executable: false };
  try {
    const found = await stat(path);
    const executable = (found.mode & 0o111) !== 0;
    if (!found.isFile() || !(executable || name.endsWith('.sh'))) return undefined;
    return { ...script, executable };
  } catch (thrown) {
    if (errnoOf(thrown) !== 'ENOENT' && errnoOf(thrown) !== 'ELOOP') throw thrown;
    // A link that leads nowhere: what was to be checked is missing, which running it will say.
    return (await lstat(path)).isSymbolicLink() ? script : undefined;
  }
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT' || errnoOf(thrown) === 'ENOTDIR') return [];
    throw thrown;
  }
}
