import { BLOCK_BYTES, DIRECTORY_TAIL_BYTES, DIRENT } from './format.ts';

/** How a directory is laid out: names one after another, or leaves of names in the order of their hashes under an index. */
export type DirectoryShape =
  | { readonly kind: 'linear'; readonly blocks: number }
  | { readonly kind: 'indexed'; readonly blocks: number; readonly nodes: number; readonly leaves: number };

/** Room for entries in a block that ends with a checksum. */
export const LEAF_ROOM_BYTES: number = BLOCK_BYTES - DIRECTORY_TAIL_BYTES;
/** Children of the root of an index and of the nodes below it. */
export const ROOT_CHILDREN = 507;
export const NODE_CHILDREN = 510;

/** Leaves are filled that far: the first new names should not split every one of them. */
const LEAF_FILL_BYTES: number = Math.floor(LEAF_ROOM_BYTES * 0.85);

/** Bytes of the entry of a name. */
export function recordBytes(name: string): number {
  return (DIRENT.name + name.length + 3) & ~3;
}

/**
 * The shape of a directory of these names. It depends on their lengths alone, not on their hashes, so that the size of a file
 * system does not depend on its UUID.
 */
export function directoryShape(names: Iterable<string>): DirectoryShape {
  let blocks = 1;
  let used = recordBytes('.') + recordBytes('..');
  let total = 0;
  for (const name of names) {
    const bytes = recordBytes(name);
    total += bytes;
    if (used + bytes > LEAF_ROOM_BYTES) {
      blocks += 1;
      used = 0;
    }
    used += bytes;
  }
  const leaves = Math.max(2, Math.ceil(total / LEAF_FILL_BYTES));
  const nodes = leaves <= ROOT_CHILDREN ? 0 : Math.ceil(leaves / NODE_CHILDREN);
  // An index of two levels holds some ten million names; what is more is searched from front to back.
  if (blocks === 1 || nodes > ROOT_CHILDREN) return { kind: 'linear', blocks };
  return { kind: 'indexed', blocks: 1 + nodes + leaves, nodes, leaves };
}
