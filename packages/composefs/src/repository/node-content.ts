import { type ByteStream, SlipwayError } from '@slipway/core';
import type { RegularNode } from '../tree.ts';
import type { Store } from './store.ts';

/** Length of a regular file. */
export function fileSize(node: RegularNode): number {
  return node.content.kind === 'inline' ? node.content.bytes.length : node.content.sizeBytes;
}

/** Name of the object a file's bytes are in; undefined when they stand in the tree itself. */
export function fileObject(node: RegularNode): string | undefined {
  if (node.content.kind === 'inline') return undefined;
  const { digest, payload } = node.content;
  return digest === undefined ? payload?.replace('/', '') : Buffer.from(digest).toString('hex');
}

/**
 * The bytes of a regular file of a tree, from the tree or from the store. The stream may be opened any number of times.
 *
 * @throws SlipwayError OBJECT_MISSING, OBJECT_CORRUPT while it is read
 */
export async function* readFile(
  repository: Store,
  node: RegularNode,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (node.content.kind === 'inline') {
    yield node.content.bytes;
    return;
  }
  const object = fileObject(node);
  if (object === undefined) {
    throw new SlipwayError('OBJECT_MISSING', 'cannot read a file of the tree: it names no object');
  }
  yield* repository.openObject(object) satisfies ByteStream;
}
