import { type DirectoryNode, readImageFile } from '@slipway/composefs/images';

/** The trees of images, one after the other. */
export async function* treesOf(paths: readonly string[]): AsyncGenerator<DirectoryNode> {
  for (const path of paths) yield (await readImageFile(path)).root;
}

/** The names of `--filter`; undefined when there is none and all is meant. */
export function rootNames({
  filter,
}: {
  readonly filter: readonly string[];
}): ReadonlySet<string> | undefined {
  return filter.length === 0 ? undefined : new Set(filter);
}
