/** Which directories of a tree are read; each with its files. `**` stands for everything below. */
export type TreePart = '**' | ReadonlyMap<string, TreePart>;

/** Stands for every directory of one directory, with their files. */
const ANY = '*';
const ALL = '**';

/**
 * A part of a tree by patterns: `/etc/**` is a directory and everything below, `/usr/lib/modules/*` the directories of a directory with
 * their files and nothing below them. The directories that lead there belong to the part, with their files.
 */
export function treePart(patterns: readonly string[]): TreePart {
  const root = new Map<string, TreePart>();
  for (const pattern of patterns) addPattern(root, pattern.split('/').filter(Boolean));
  return root;
}

/** What is read of a directory in a directory; undefined when it is left out. */
export function partBelow(part: TreePart, name: string): TreePart | undefined {
  return part === ALL ? ALL : (part.get(name) ?? part.get(ANY));
}

function addPattern(part: Map<string, TreePart>, [name, ...rest]: readonly string[]): void {
  if (name === undefined) return;
  if (rest[0] === ALL) {
    part.set(name, ALL);
    return;
  }
  const known = part.get(name);
  if (known === ALL) return;
  const below = new Map(known);
  part.set(name, below);
  addPattern(below, rest);
}
