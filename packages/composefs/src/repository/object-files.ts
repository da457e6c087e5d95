import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '@slipway/core';
import { ioError } from './io-error.ts';
import { isDigestHex, OBJECTS_DIRECTORY, TEMP_DIRECTORY } from './layout.ts';
import type { Store } from './store.ts';

const PREFIX = /^[0-9a-f]{2}$/;

/** A file found below `objects/`. */
export interface ObjectFile {
  readonly path: string;
  /** The digest its name says; undefined when the name is none. */
  readonly digest: string | undefined;
}

/** Every file below `objects/`, whatever its name, in byte order. */
export function* objectFiles(repository: Store): Generator<ObjectFile, void, undefined> {
  const root = join(repository.path, OBJECTS_DIRECTORY);
  for (const prefix of names(root)) {
    if (!PREFIX.test(prefix)) yield { path: join(root, prefix), digest: undefined };
    else {
      for (const rest of names(join(root, prefix))) {
        const digest = prefix + rest;
        const known = isDigestHex(digest, repository.algorithm);
        yield { path: join(root, prefix, rest), digest: known ? digest : undefined };
      }
    }
  }
}

/** What killed processes left in `tmp/`. */
export function leftovers(repository: Store): readonly string[] {
  const directory = join(repository.path, TEMP_DIRECTORY);
  return names(directory).map((name) => join(directory, name));
}

function names(directory: string): readonly string[] {
  try {
    return readdirSync(directory).sort();
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return [];
    throw ioError('list the object store', directory, cause);
  }
}
