import { SlipwayError } from '@slipway/core';
import { erofsFiles } from '../erofs/reader.ts';
import { isDigestHex } from './layout.ts';
import { fileObject } from './node-content.ts';
import type { Store } from './store.ts';

/**
 * Names of the objects an image needs to be readable.
 *
 * @throws SlipwayError OBJECT_MISSING, OBJECT_CORRUPT, EROFS_INVALID when the image cannot be read; REPOSITORY_INVALID when
 *   it names objects of another store
 */
export function imageObjects(repository: Store, id: string): Set<string> {
  const needed = new Set<string>();
  for (const { node, name } of erofsFiles(repository.readImage(id))) {
    if (node.content.kind === 'inline') continue;
    const object = fileObject(node);
    if (object === undefined || !isDigestHex(object, repository.algorithm)) {
      throw new SlipwayError(
        'REPOSITORY_INVALID',
        `cannot tell which object image ${id} needs for its file ${JSON.stringify(name)}`,
        {
          hint: 'remove the image',
          details: { image: id, name },
        },
      );
    }
    needed.add(object);
  }
  return needed;
}
