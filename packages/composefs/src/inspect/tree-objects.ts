import { statSync } from 'node:fs';
import { join } from 'node:path';
import { SlipwayError } from '@slipway/core';
import { objectPathOf } from '../erofs/object-path.ts';
import { ioError } from '../repository/io-error.ts';
import type { ByteString, DirectoryNode } from '../tree.ts';
import { walkTree } from '../tree-path.ts';
import { partOfTree } from './part-of-tree.ts';

/**
 * Paths of the objects trees refer to, `ab/cdef…`, sorted, each once.
 *
 * @param names only those of what is below these names of the root
 */
export async function treeObjects(
  roots: AsyncIterable<DirectoryNode>,
  names?: ReadonlySet<ByteString>,
): Promise<readonly ByteString[]> {
  const found = new Set<ByteString>();
  for await (const root of roots) {
    for (const { node } of walkTree(partOfTree(root, names))) {
      if (node.kind !== 'regular' || node.content.kind === 'inline') continue;
      found.add(objectPathOf(node.content));
    }
  }
  found.delete('');
  return [...found].sort();
}

/**
 * Those that are not in a directory of objects. A path that leads out of the directory is missing, whatever is there: the
 * mounted image does not find it either.
 *
 * @throws SlipwayError IO_FAILED when `directory` is not a directory that can be searched
 */
export function missingObjects(directory: string, objects: readonly ByteString[]): readonly ByteString[] {
  requireDirectory(directory);
  return objects.filter((object) => !isThere(directory, object));
}

function requireDirectory(path: string): void {
  let isDirectory: boolean;
  try {
    isDirectory = statSync(path).isDirectory();
  } catch (cause) {
    throw ioError(`look for objects in ${path}`, path, cause);
  }
  if (!isDirectory)
    throw new SlipwayError('IO_FAILED', `cannot look for objects in ${path}: not a directory`);
}

function isThere(directory: string, object: ByteString): boolean {
  if (object.split('/').includes('..')) return false;
  const path = Buffer.concat([Buffer.from(join(directory, '/')), Buffer.from(object, 'latin1')]);
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
  } catch (cause) {
    throw ioError(`look for objects in ${directory}`, directory, cause);
  }
}
