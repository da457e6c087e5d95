import type { DirectoryNode } from '@slipway/composefs';

const MAX_SYMLINKS = 40;

/**
 * Where a path of a running host really leads, symlinks of the image followed, whether anything stands there yet or not.
 *
 * @returns undefined when symlinks lead in a circle
 */
export function resolvePath(image: DirectoryNode, path: string, followLast = true): string | undefined {
  const way: { readonly name: string; readonly node: DirectoryNode | undefined }[] = [];
  const pending = parts(path).reverse();
  for (let followed = 0; ; ) {
    const name = pending.pop();
    if (name === undefined) return `/${way.map((place) => place.name).join('/')}`;
    if (name === '..') {
      way.pop();
      continue;
    }
    const here = way.length === 0 ? image : way.at(-1)?.node;
    const child = here?.entries.get(name);
    if (child?.kind !== 'symlink' || (pending.length === 0 && !followLast)) {
      way.push({ name, node: child?.kind === 'directory' ? child : undefined });
      continue;
    }
    followed += 1;
    if (followed > MAX_SYMLINKS) return undefined;
    if (child.target.startsWith('/')) way.length = 0;
    pending.push(...parts(child.target).reverse());
  }
}

function parts(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}
